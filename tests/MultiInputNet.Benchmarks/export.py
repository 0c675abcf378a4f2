"""Writes the networks of `-- predict` as ONNX files, from the models that the benchmark wrote beside them.

    /usr/bin/python3 tests/MultiInputNet.Benchmarks/export.py FOLDER

With torch 1.13 and torchvision 0.14 (Debian's python3-torch and python3-torchvision).
"""

import json
import os
import struct
import sys

import numpy
import torch
import torchvision
from torch import nn

NAMES = ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "small_3", "small_16"]


def read(path):
    """The tensors of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    types = {"F32": numpy.float32, "F64": numpy.float64, "I64": numpy.int64}
    return {
        name: torch.from_numpy(
            numpy.frombuffer(data[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"]).copy()
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def part(weights, prefix):
    return {name[len(prefix):]: value for name, value in weights.items() if name.startswith(prefix)}


def load(module, weights):
    # Debian's torch writes no num_batches_tracked that it does not need.
    missing = [name for name in module.load_state_dict(weights, strict=False).missing_keys if "num_batches" not in name]
    assert not missing, missing
    return module


def linear(weights, prefix):
    found = {name.split(".")[-1]: value for name, value in part(weights, prefix).items()}
    layer = nn.Linear(found["weight"].shape[1], found["weight"].shape[0])
    layer.load_state_dict({"weight": found["weight"], "bias": found["bias"]})
    return layer


class Standardization(nn.Module):
    def __init__(self, mean, standard_deviation):
        super().__init__()
        self.mean = mean.float().view(1, -1, 1, 1)
        self.standard_deviation = standard_deviation.float().view(1, -1, 1, 1)

    def forward(self, x):
        return (x - self.mean) / self.standard_deviation


def make(name, weights):
    """The network from raw image to logits."""
    base = part(weights, "base_model.")
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear(weights, "output_layers.x.")]
    if name.startswith("small"):
        projection = part(weights, "input_projections.x.conv.")
        channels, inputs = projection["weight"].shape[:2]
        first = load(nn.Conv2d(inputs, channels, 1), projection)
        layers = [first]
        for stage in range(2):
            conv = part(base, f"stages.{stage}.blocks.0.conv.")
            out, into = conv["weight"].shape[:2]
            layers += [load(nn.Conv2d(into, out, 3, padding=1), conv), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)]
        return nn.Sequential(*layers, *head)
    model = getattr(torchvision.models, name)()
    if name == "resnet18":
        model.fc = nn.Identity()
        load(model, base)
        body = nn.Sequential(*list(model.children())[:-2])
    else:
        body = load(model.features, part(base, "features."))
    return nn.Sequential(Standardization(**part(weights, "input_standardizations.x.")), body, *head)


def main(folder):
    for name in NAMES:
        model = make(name, read(os.path.join(folder, f"{name}.safetensors"))).eval()
        size = 32 if name.startswith("small") else 224
        torch.onnx.export(
            model, torch.zeros(1, 3, size, size), os.path.join(folder, f"{name}.onnx"), opset_version=16,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
        )
        print(name)


main(sys.argv[1])

"""Compares every base with torchvision's model: random weights with moved statistics, evaluation mode, two sizes, and stems.

Build the program, then run this with a Python that has torch and torchvision (0.14):
    dotnet build -c Release tests/MultiInputNet.Parity && python3 tests/MultiInputNet.Parity/compare.py [NAME ...]
"""

import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torchvision
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "MultiInputNet.Tests", "Fixtures"))
from tensor_file import save  # noqa: E402

PROGRAM = os.path.join(HERE, "bin", "Release", "net10.0", "MultiInputNet.Parity")
NAMES = [
    *("resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v3_small", "mobilenet_v3_large"),
    *("efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "convnext_tiny", "vit_b_16", "vit_s_16"),
]


def make(name, size=224):
    """The model; of a transformer one for that size."""
    if name == "vit_b_16":
        return torchvision.models.vit_b_16(image_size=size)
    if name == "vit_s_16":
        return VisionTransformer(image_size=size, patch_size=16, num_layers=12, num_heads=6, hidden_dim=384, mlp_dim=1536)
    return getattr(torchvision.models, name)()


def randomize(model):
    """Moves what is constant in new weights, so that nothing can be left out unnoticed."""
    for key, value in model.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif key.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif key.endswith("layer_scale"):
            value.uniform_(0.1, 0.5)
        elif value.dtype == torch.float32 and (value.dim() == 1 or key == "class_token"):
            value.add_(0.1 * torch.randn_like(value))


def features(model, x):
    if isinstance(model, VisionTransformer):
        tokens = torch.cat([model.class_token.expand(len(x), -1, -1), model._process_input(x)], 1)
        grid = x.shape[-1] // model.patch_size
        return model.encoder(tokens)[:, 1:].transpose(1, 2).reshape(len(x), -1, grid, grid)
    if isinstance(model, torchvision.models.ResNet):
        return torch.nn.Sequential(*list(model.children())[:-2])(x)
    return model.features(x)


def adapted(weight, channels, method):
    """The weights of a first convolution for so many channels."""
    old = weight.shape[1]
    if method == "repeat":
        return weight[:, [channel % old for channel in range(channels)]] * old / channels
    if method == "mean":
        return weight.mean(1, keepdim=True).repeat(1, channels, 1, 1) * old / channels
    zeros = torch.zeros(len(weight), max(0, channels - old), *weight.shape[2:])
    return torch.cat([weight[:, :channels], zeros], 1)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    worst = 0
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        weights, source, target = (os.path.join(folder, n) for n in ("w.safetensors", "x.npy", "y.npy"))
        for name in sys.argv[1:] or NAMES:
            model = make(name).eval()
            randomize(model)
            save(weights, {k: v.numpy() for k, v in model.state_dict().items()})
            other = (288, 288) if name.startswith("vit") else (160, 104)
            convolution = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
            first = convolution.weight.data
            for shape, method in (
                *(((2, 3, 224, 224), None), ((1, 3, *other), None)),
                *(((1, 13, 224, 224), "repeat"), ((1, 2, 224, 224), "mean"), ((1, 5, 224, 224), "padzeros")),
            ):
                convolution.weight.data = adapted(first, shape[1], method) if method else first
                x = torch.randn(shape)
                numpy.save(source, x.numpy())
                subprocess.run(
                    [PROGRAM, "--base", name, "--weights", weights, "--input", source, "--output", target]
                    + (["--stem", f"{shape[1]}:{method}"] if method else []),
                    check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
                reference = model
                if name.startswith("vit") and shape[-1] != 224:
                    reference = make(name, shape[-1]).eval()
                    reference.load_state_dict(interpolate_embeddings(shape[-1], 16, model.state_dict()))
                expected, actual = features(reference, x).numpy(), numpy.load(target)
                assert expected.shape == actual.shape, (expected.shape, actual.shape)
                difference = numpy.abs(expected - actual).max() / numpy.abs(expected).max()
                worst = max(worst, difference)
                print(f"{name:20} {'x'.join(map(str, shape)):>13} {method or '':8}  map {'x'.join(map(str, actual.shape)):>13}  relative difference {difference:.1e}", flush=True)
    print(f"largest relative difference {worst:.1e}")
    sys.exit(worst > 1e-4)


if __name__ == "__main__":
    main()

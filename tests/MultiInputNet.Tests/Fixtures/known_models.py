"""
The models of the published pattern in PyTorch, with the mathematics corrected: per-input projection and head around a
shared base; the same with attention fusion, one for each input or one that all share; an image and a table through one base.
Writes weights, inputs, outputs and the
gradients of a fixed function of the outputs to known_models.safetensors, under the names that MultiInputNet gives them.

Made with Debian 12's python3-torch 1.13: /usr/bin/python3 known_models.py
"""

import os

import torch
from torch import nn

from tensor_file import save

BASE_CHANNELS, WIDTHS, HEADS = 3, (8, 12), 4


class Base(nn.Module):
    """Two 3x3 convolutions, each with ReLU and a 2x2 pooling that keeps odd edges."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(BASE_CHANNELS, WIDTHS[0], 3, padding=1)
        self.second = nn.Conv2d(WIDTHS[0], WIDTHS[1], 3, padding=1)

    def forward(self, x):
        for convolution in (self.first, self.second):
            x = nn.functional.max_pool2d(torch.relu(convolution(x)), 2, ceil_mode=True)
        return x


class Attention(nn.Module):
    """Self-attention over the positions of a map, as wide as its channels, and the mean over the positions."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTHS[1], HEADS, batch_first=True)
        nn.init.normal_(self.attention.in_proj_bias)
        nn.init.normal_(self.attention.out_proj.bias)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        return self.attention(tokens, tokens, tokens)[0].mean(1)


class Table(nn.Module):
    """A linear layer onto a grid of 4x4 positions."""

    def __init__(self, features):
        super().__init__()
        self.linear = nn.Linear(features, BASE_CHANNELS * 16)

    def forward(self, x):
        return self.linear(x).view(-1, BASE_CHANNELS, 4, 4)


def run(arrays, model, base, inputs):
    """inputs: name -> (projection, its parameters' names, fusion, head, batch)."""
    loss = 0
    for name, (projection, prefixes, fusion, head, batch) in inputs.items():
        output = head(fusion(base(projection(batch))))
        arrays[f"{model}/inputs/{name}"] = batch
        arrays[f"{model}/outputs/{name}"] = output
        # Any function whose gradient differs at every output will do.
        loss = loss + (output * torch.linspace(-1, 2, output.numel()).view_as(output)).sum() + output.square().mean()
    loss.backward()
    named = {"base_model.stages.0.blocks.0.conv": base.first, "base_model.stages.1.blocks.0.conv": base.second}
    for name, (projection, (path, module), fusion, head, _) in inputs.items():
        named[f"input_projections.{name}.{path}"] = module
        if isinstance(fusion, Attention):
            is_shared = sum(other[2] is fusion for other in inputs.values()) > 1
            named["shared_fusion" if is_shared else f"fusions.{name}"] = fusion.attention
        named[f"output_layers.{name}.layers.linear"] = head
    # PyTorch counts what several share once.
    whole = nn.ModuleList([base, *(module for part in inputs.values() for module in (part[0], part[2], part[3]))])
    arrays[f"{model}/parameters"] = torch.tensor(sum(parameter.numel() for parameter in whole.parameters()))
    for path, module in named.items():
        for key, parameter in module.named_parameters():
            arrays[f"{model}/weights/{path}.{key}"] = parameter
            arrays[f"{model}/gradients/{path}.{key}"] = parameter.grad


def image(channels, size, fusion, features, classes, count):
    projection = nn.Conv2d(channels, BASE_CHANNELS, 1)
    return projection, ("conv", projection), fusion, nn.Linear(features, classes), torch.randn(count, channels, size, size)


def table(features, fusion, width, classes, count):
    projection = Table(features)
    return projection, ("linear", projection.linear), fusion, nn.Linear(width, classes), torch.randn(count, features)


def main():
    torch.manual_seed(20)
    torch.set_num_threads(1)
    arrays = {}
    flatten = nn.Flatten()
    run(arrays, "flatten", Base(), {
        "gray": image(1, 16, flatten, 12 * 4 * 4, 5, 3),
        "rgb": image(3, 13, flatten, 12 * 4 * 4, 4, 2),
        "bands": image(6, 8, flatten, 12 * 2 * 2, 3, 4),
    })
    run(arrays, "attention", Base(), {
        "gray": image(1, 16, Attention(), 12, 5, 3),
        "rgb": image(3, 10, Attention(), 12, 4, 2),
    })
    run(arrays, "table", Base(), {
        "photo": image(3, 16, flatten, 12 * 4 * 4, 5, 3),
        "record": table(7, flatten, 12, 4, 5),
    })
    shared = Attention()
    run(arrays, "shared_attention", Base(), {
        "gray": image(1, 16, shared, 12, 5, 3),
        "rgb": image(3, 10, shared, 12, 4, 2),
        "record": table(7, shared, 12, 3, 4),
    })
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known_models.safetensors")
    save(path, {name: tensor.detach().numpy() for name, tensor in arrays.items()})


if __name__ == "__main__":
    main()

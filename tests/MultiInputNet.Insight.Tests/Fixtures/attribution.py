"""Attributions of small networks by the papers' formulas, in double precision: writes attribution.safetensors.

The networks are written with torch.nn, so that nothing here is the library's own. Names of weights are those that the library gives them.
Run with a Python that has torch and NumPy: python3 attribution.py
"""

import os
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "MultiInputNet.Tests", "Fixtures"))
from tensor_file import save  # noqa: E402

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
arrays = {}


def keep(name, tensor):
    arrays[name] = tensor.detach().numpy()


class ConvNet(nn.Module):
    """A 1x1 projection, two stages (3x3 convolution, max pooling over 2x2, ReLU) and a linear layer over the flattened map."""

    def __init__(self):
        super().__init__()
        self.projection = nn.Conv2d(3, 4, 1)
        self.conv0 = nn.Conv2d(4, 6, 3, padding=1)
        self.conv1 = nn.Conv2d(6, 8, 3, padding=1)
        self.head = nn.Linear(8 * 4 * 4, 5)

    def first(self, x):
        x = (x - self.mean) / self.deviation
        return functional.relu(functional.max_pool2d(self.conv0(self.projection(x)), 2))

    def last(self, first):
        return functional.relu(functional.max_pool2d(self.conv1(first), 2))

    def forward(self, x):
        return self.head(self.last(self.first(x)).flatten(1))


def integrated(model, x, baseline, target, steps):
    """Gauss-Legendre with NumPy's nodes."""
    nodes, weights = numpy.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(x)
    for node, weight in zip((nodes + 1) / 2, weights / 2):
        at = (baseline + node * (x - baseline)).requires_grad_()
        (gradient,) = torch.autograd.grad(model(at)[range(len(x)), target].sum(), at)
        total += weight * gradient
    return (x - baseline) * total


def grad_cam(values, output, target):
    (gradient,) = torch.autograd.grad(output[range(len(output)), target].sum(), values)
    return functional.relu((gradient.mean((2, 3), keepdim=True) * values).sum(1))


def resized(cam, size):
    return functional.interpolate(cam[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def convnet():
    model = ConvNet()
    model.mean = torch.tensor([0.5, -0.25, 1.0]).view(1, 3, 1, 1)
    model.deviation = torch.tensor([2.0, 0.5, 1.5]).view(1, 3, 1, 1)
    x = torch.randn(4, 3, 16, 16) * model.deviation + model.mean
    target = model(x).argmax(1)
    names = {
        "projection": "input_projections.photo.conv",
        "conv0": "base_model.stages.0.blocks.0.conv",
        "conv1": "base_model.stages.1.blocks.0.conv",
        "head": "output_layers.photo.layers.linear",
    }
    for module, name in names.items():
        for parameter in ("weight", "bias"):
            keep(f"convnet/{name}.{parameter}", getattr(getattr(model, module), parameter))
    keep("convnet x", x)
    keep("convnet target", target)
    keep("convnet output", model(x))
    at = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(at)[range(len(x)), target].sum(), at)
    keep("convnet saliency", gradient.abs())
    keep("convnet integrated from mean", integrated(model, x, model.mean.expand_as(x), target, 20))
    keep("convnet integrated from zeros to 2", integrated(model, x, torch.zeros_like(x), torch.full((4,), 2), 20))
    first = model.first(x)
    last = model.last(first)
    output = model.head(last.flatten(1))
    keep("convnet cam", grad_cam(last, output, target))
    keep("convnet cam resized", resized(grad_cam(last, model.head(last.flatten(1)), target), (16, 16)))
    keep("convnet cam of first", grad_cam(first, model.head(model.last(first).flatten(1)), target))
    occluded = []
    for row in range(0, 16, 4):
        for column in range(0, 16, 4):
            hidden = x.clone()
            hidden[:, :, row:row + 4, column:column + 4] = model.mean
            occluded.append((model(x) - model(hidden))[range(len(x)), target])
    falls = torch.stack(occluded, 1).view(4, 1, 4, 4)
    keep("convnet occlusion", functional.interpolate(falls, (16, 16), mode="nearest").expand(-1, 3, -1, -1))


def attention():
    """torch's own MultiheadAttention over the positions of a map: the weights of each head, and the fused vector."""
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    nn.init.normal_(layer.in_proj_bias)
    nn.init.normal_(layer.out_proj.bias)
    for name, parameter in layer.named_parameters():
        keep(f"attention/{name}", parameter)
    maps = torch.randn(3, 8, 2, 5)
    tokens = maps.flatten(2).transpose(1, 2)
    attended, weights = layer(tokens, tokens, tokens, average_attn_weights=False)
    keep("attention maps", maps)
    keep("attention weights", weights)
    keep("attention fused", attended.mean(1))
    absent = torch.zeros(3, 10, dtype=torch.bool)
    absent[0, 7:] = True
    absent[2, :4] = True
    _, weights = layer(tokens, tokens, tokens, key_padding_mask=absent, average_attn_weights=False)
    keep("attention absent", absent)
    keep("attention weights without absent", weights)


class Block(nn.Module):
    """A pre-norm encoder block (Dosovitskiy et al., 2021)."""

    def __init__(self, width, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0), nn.Linear(4 * width, width))

    def forward(self, x):
        y = self.ln_1(x)
        attended, weights = self.self_attention(y, y, y, average_attn_weights=False)
        x = x + attended
        return x + self.mlp(self.ln_2(x)), weights


class Transformer(nn.Module):
    """A vision transformer over 3 x 3 patches, whose class token a linear layer reads."""

    def __init__(self, width=8, heads=2, depth=2, classes=5):
        super().__init__()
        self.conv_proj = nn.Conv2d(3, width, 4, 4)
        self.class_token = nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, 10, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.ln = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def run(self, x):
        tokens = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], 1) + self.position
        attention = []
        for block in self.blocks:
            tokens, weights = block(tokens)
            attention.append(weights)
        return self.head(self.ln(tokens)[:, 0]), attention

    def forward(self, x):
        return self.run(x)[0]


def transformer():
    model = Transformer().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                nn.init.normal_(parameter)
    for name, parameter in model.named_parameters():
        for old, new in (("blocks.", "base_model.encoder.layers.encoder_layer_"), ("ln.", "base_model.encoder.ln."),
                         ("position", "base_model.encoder.pos_embedding"), ("head.", "output_layers.photo.layers.linear.")):
            if name.startswith(old):
                name = new + name[len(old):]
                break
        else:
            name = f"base_model.{name}"
        keep(f"transformer/{name}", parameter)
    x = torch.randn(3, 3, 12, 12)
    output, attention = model.run(x)
    target = output.argmax(1)
    keep("transformer x", x)
    keep("transformer output", output)
    for layer, weights in enumerate(attention):
        keep(f"transformer attention {layer}", weights)
    at = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(at)[range(len(x)), target].sum(), at)
    keep("transformer saliency", gradient.abs())
    keep("transformer integrated from zeros", integrated(model, x, torch.zeros_like(x), target, 20))


convnet()
attention()
transformer()
save(os.path.join(HERE, "attribution.safetensors"), arrays)

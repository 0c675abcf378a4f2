"""
TorchScript modules, and what PyTorch computes with the first: its output in both modes, and in training mode its gradients and the
statistics that it keeps. Writes files/base.pt, files/pair.pt, files/vector.pt and torchscript.safetensors.

Made with Debian 12's python3-torch 1.13: /usr/bin/python3 torchscript.py
"""

import os

import torch
from torch import nn

from tensor_file import save


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.point = nn.Conv2d(8, 16, 1, stride=2)

    def forward(self, x):
        return torch.relu(self.point(torch.relu(self.norm(self.conv(x)))))


class Pair(nn.Module):
    def forward(self, x):
        return x, x


class Vector(nn.Module):
    def forward(self, x):
        return x.mean([2, 3])


def main():
    torch.manual_seed(5)
    folder = os.path.dirname(os.path.abspath(__file__))
    base = Base()
    torch.jit.script(base).save(os.path.join(folder, "files", "base.pt"))
    torch.jit.script(Pair()).save(os.path.join(folder, "files", "pair.pt"))
    torch.jit.script(Vector()).save(os.path.join(folder, "files", "vector.pt"))

    x = torch.randn(4, 3, 9, 11, requires_grad=True)
    arrays = {"input": x, "eval": base.eval()(x)}
    output = base.train()(x)
    (output * torch.linspace(-1, 1, output.numel()).reshape(output.shape)).sum().backward()
    arrays.update({"train": output, "input_gradient": x.grad})
    arrays.update({f"gradient/{name}": parameter.grad for name, parameter in base.named_parameters()})
    arrays.update({name: buffer for name, buffer in base.named_buffers() if "running" in name})
    save(os.path.join(folder, "torchscript.safetensors"), {name: array.detach().numpy() for name, array in arrays.items()})


if __name__ == "__main__":
    main()

"""
Losses of the heads in PyTorch, with missing labels left out by hand. Writes outputs, labels, losses and gradients to
losses.safetensors.

Made with Debian 12's python3-torch 1.13: /usr/bin/python3 losses.py
"""

import os

import torch
from torch.nn import functional

from tensor_file import save


def main():
    torch.manual_seed(3)
    arrays = {}

    def record(name, output, target, loss):
        loss.backward()
        arrays.update({f"{name}/output": output, f"{name}/target": target, f"{name}/loss": loss, f"{name}/gradient": output.grad})

    labels = torch.tensor([2, 0, -1, 3, 1, -100, 2])
    present = labels >= 0
    for name, smoothing in (("classification", 0.0), ("smoothed", 0.1)):
        output = torch.randn(7, 4, requires_grad=True)
        record(name, output, labels, functional.cross_entropy(output[present], labels[present], label_smoothing=smoothing))

    output = torch.randn(5, 3, requires_grad=True)
    target = torch.tensor([[1.0, 0, 1], [0, 0, 0], [1, 1, 0], [0.25, 1, 0], [0, 1, 1]])
    missing = torch.tensor([[0, 1, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 1]], dtype=torch.bool)
    loss = functional.binary_cross_entropy_with_logits(output[~missing], target[~missing])
    record("multi_label", output, target.masked_fill(missing, float("nan")), loss)

    output = torch.randn(5, 3, requires_grad=True)
    target = torch.randn(5, 3)
    record("regression", output, target.masked_fill(missing, float("nan")), functional.mse_loss(output[~missing], target[~missing]))

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.safetensors")
    save(path, {name: tensor.detach().numpy() for name, tensor in arrays.items()})


if __name__ == "__main__":
    main()

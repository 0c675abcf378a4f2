"""Writes gradients.json beside it: the gradients that two tasks put on a convolution, by PyTorch.

Needs torch: python3 gradients.py
"""

import json
import pathlib

import torch

torch.manual_seed(3)
conv = torch.nn.Conv2d(2, 3, 3).double()
heads = {"a": torch.nn.Linear(3, 2).double(), "b": torch.nn.Linear(3, 4).double()}
x = torch.randn(10, 2, 6, 6, dtype=torch.float64)
labels = {"a": torch.arange(10) % 2, "b": torch.tensor([3, -1, 0, 2, -1, 1, 1, 0, -1, 2])}
numbers = {"x": x.flatten(1).tolist(), "conv_weight": conv.weight.flatten(1).tolist(), "conv_bias": conv.bias.tolist()}
gradients = {}
for task, head in heads.items():
    conv.zero_grad()
    features = torch.tanh(conv(x)).mean((2, 3))
    loss = torch.nn.functional.cross_entropy(head(features), labels[task], ignore_index=-1)
    loss.backward()
    gradients[task] = torch.cat([conv.weight.grad.flatten(), conv.bias.grad])
    numbers |= {
        f"{task}_weight": head.weight.tolist(),
        f"{task}_bias": head.bias.tolist(),
        f"{task}_labels": labels[task].tolist(),
        f"{task}_norm": gradients[task].norm().item(),
        f"{task}_loss": loss.item(),
    }
numbers["cosine"] = torch.nn.functional.cosine_similarity(gradients["a"], gradients["b"], dim=0).item()
pathlib.Path(__file__).with_name("gradients.json").write_text(json.dumps(numbers) + "\n")

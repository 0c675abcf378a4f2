"""Writes training.json: what PyTorch gives for one-cycle schedules and weighted cross-entropies. Run with PyTorch 1.13 or later."""

import json
import pathlib

import torch

torch.manual_seed(0)


def one_cycle(steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4, three_phase=False):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=steps,
        pct_start=pct_start,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        three_phase=three_phase,
        cycle_momentum=False,
    )
    factors = []
    for step in range(steps):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:
            schedule.step()
    return {
        "steps": steps,
        "pct_start": pct_start,
        "div_factor": div_factor,
        "final_div_factor": final_div_factor,
        "three_phase": three_phase,
        "factors": factors,
    }


def cross_entropy(labels, weight, smoothing):
    logits = torch.randn(len(labels), 4, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.CrossEntropyLoss(
        weight=None if weight is None else torch.tensor(weight, dtype=torch.float64), ignore_index=-1, label_smoothing=smoothing
    )(logits, torch.tensor(labels))
    loss.backward()
    return {
        "logits": logits.flatten().tolist(),
        "labels": labels,
        "weight": weight,
        "smoothing": smoothing,
        "loss": loss.item(),
        "gradient": logits.grad.flatten().tolist(),
    }


weight = [0.5, 2.0, 1.0, 3.5]
pathlib.Path(__file__).with_suffix(".json").write_text(
    json.dumps(
        {
            "one_cycle": [
                one_cycle(20),
                one_cycle(13, pct_start=0.4, div_factor=10, final_div_factor=100),
                one_cycle(30, three_phase=True),
                one_cycle(31, pct_start=0.25, div_factor=5, final_div_factor=50, three_phase=True),
            ],
            "cross_entropy": [
                cross_entropy([0, 1, 2, 3, 1], weight, 0.0),
                cross_entropy([0, 1, 2, 3, 1], weight, 0.2),
                cross_entropy([3, -1, 0, -1, 1, 1], weight, 0.0),
                cross_entropy([3, -1, 0, -1, 1, 1], weight, 0.1),
                cross_entropy([3, -1, 0, -1, 1, 1], [0.0, 2.0, 1.0, 0.5], 0.1),
                cross_entropy([3, -1, 0, -1, 1, 1], None, 0.1),
            ],
        },
        indent=1,
    )
    + "\n"
)

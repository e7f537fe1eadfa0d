"""AdamW, which weights decay, and the course of the learning rate."""

from __future__ import annotations

import math

import torch

from domain.training.spec import Learning


def adamw(model: torch.nn.Module, spec: Learning) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101), fused; matrices decay, but not embeddings, norms and biases."""
    embedded = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    decayed: list[torch.nn.Parameter] = []
    free: list[torch.nn.Parameter] = []
    for parameter in model.parameters():
        (decayed if parameter.ndim >= 2 and id(parameter) not in embedded else free).append(parameter)
    groups = [{"params": decayed, "weight_decay": spec.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=spec.learning_rate,
        betas=(spec.beta1, spec.beta2),
        eps=1e-8,
        fused=True,
    )


def rate(spec: Learning, step: int, steps: int) -> float:
    """Learning rate of step ``step`` (from 0) of ``steps``: linear warm-up to the peak, then the decay to the floor."""
    warmup = round(spec.warmup * steps)
    if step < warmup:
        return spec.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - 1 - warmup)
    if spec.decay == "none":
        share = 1.0
    elif spec.decay == "linear":
        share = 1.0 - (1.0 - spec.floor) * done
    else:
        share = spec.floor + (1.0 - spec.floor) * 0.5 * (1.0 + math.cos(math.pi * done))
    return spec.learning_rate * share

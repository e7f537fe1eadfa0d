"""AdamW, which weights decay, which rows learn first, and the course of the learning rate."""

from __future__ import annotations

import math
from typing import Any

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


class RowsFirst:
    """In the first ``steps`` steps only ``rows`` of embedding and head learn; then everything does.

    Body and old rows stay as they are to the bit: the body has no gradients, which also spares a third of the work,
    and those of old rows are set to 0, so that AdamW moves neither them nor their moments; nothing decays. What
    learns follows from the step alone, so that a training may be interrupted on either side of the border.
    """

    def __init__(self, model: Any, optimizer: torch.optim.Optimizer, rows: range, steps: int) -> None:
        self.model, self.optimizer, self.rows, self.steps = model, optimizer, rows, steps if rows else 0
        self.decays = [group["weight_decay"] for group in optimizer.param_groups]
        head = model.get_output_embeddings()
        found = [model.get_input_embeddings().weight, head.weight, head.bias] if rows else []
        self.matrices = {id(each): each for each in found if each is not None}
        self.alone = False

    def begin(self, step: int) -> None:
        """Before the forward pass of step ``step`` (from 0): freeze what does not learn in it."""
        if self.alone == (step < self.steps):
            return
        self.alone = step < self.steps
        for parameter in self.model.parameters():
            parameter.requires_grad_(not self.alone or id(parameter) in self.matrices)
        for group, decay in zip(self.optimizer.param_groups, self.decays, strict=True):
            group["weight_decay"] = 0.0 if self.alone else decay

    def mask(self) -> None:
        """After the backward pass: no gradient but that of the rows."""
        for matrix in self.matrices.values() if self.alone else ():
            if matrix.grad is not None:
                matrix.grad[: self.rows.start] = 0
                matrix.grad[self.rows.stop :] = 0


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

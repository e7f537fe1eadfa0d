"""AdamW: which weights decay, which rows learn first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from domain.settings.learning import Optimization

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def adamw(model: torch.nn.Module, spec: Optimization) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101), fused; matrices decay, but not embeddings, norms and biases."""
    embedded = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    decayed: list[torch.nn.Parameter] = []
    free: list[torch.nn.Parameter] = []
    for parameter in (each for each in model.parameters() if each.requires_grad):
        (decayed if parameter.ndim >= 2 and id(parameter) not in embedded else free).append(parameter)
    groups = [{"params": decayed, "weight_decay": spec.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=spec.learning_rate,
        betas=(spec.beta1, spec.beta2),
        eps=1e-8,
        fused=True,
    )


class EmbeddingWarmup:
    """In the first ``steps`` steps only ``rows`` of embedding and head learn; then everything does.

    Body and old rows stay as they are to the bit: the body has no gradients, and those of old rows are set to 0, so
    that AdamW moves neither them nor their moments; nothing decays. Where the body may be ``freeze``d its gradients are
    not even computed, which spares a third of the work. What learns follows from the step alone, so that a training
    may be interrupted on either side of the border.
    """

    def __init__(
        self, model: PreTrainedModel, optimizer: torch.optim.Optimizer, rows: range, steps: int, *, freeze: bool = True
    ) -> None:
        self.model, self.optimizer, self.rows, self.steps = model, optimizer, rows, steps if rows else 0
        self.freeze = freeze
        self.decays = [group["weight_decay"] for group in optimizer.param_groups]
        head = model.get_output_embeddings()
        learning_rows = [model.get_input_embeddings().weight, head.weight, head.bias] if rows else []
        self.matrices = {id(each): each for each in learning_rows if each is not None}
        self.learning = [each for each in model.parameters() if each.requires_grad]
        self.alone = False

    def begin(self, step: int) -> None:
        """Before the forward pass of step ``step`` (from 0): freeze what does not learn in it."""
        if self.alone == (step < self.steps):
            return
        self.alone = step < self.steps
        for parameter in self.learning if self.freeze else ():
            parameter.requires_grad_(not self.alone or id(parameter) in self.matrices)
        for group, decay in zip(self.optimizer.param_groups, self.decays, strict=True):
            group["weight_decay"] = 0.0 if self.alone else decay

    def mask(self) -> None:
        """After the backward pass: no gradient but that of the rows."""
        for parameter in self.learning if self.alone else ():
            if parameter.grad is None:
                continue
            if id(parameter) not in self.matrices:
                parameter.grad = None  # zeros would count as a step
                continue
            learns = torch.zeros(parameter.grad.shape[0], dtype=torch.bool, device=parameter.device)
            learns[self.rows.start : self.rows.stop] = True
            parameter.grad.mul_(alike(learns.view(-1, *[1] * (parameter.grad.ndim - 1)), parameter.grad))


def alike(tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """``tensor``, spread over the ranks as ``other`` is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    return distribute_tensor(tensor, other.device_mesh, other.placements) if isinstance(other, DTensor) else tensor

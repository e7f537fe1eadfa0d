"""AdamW with its weight decay groups, and the warm-up of new embedding rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from domain.settings.learning import Optimization

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def adamw(model: torch.nn.Module, spec: Optimization) -> torch.optim.AdamW:
    """Fused AdamW (arXiv 1711.05101); weight decay on matrices, not on embeddings, norms and biases."""
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
    """Trains only ``rows`` of embedding and head in the first ``steps`` steps, then everything.

    All other weights stay bit-identical: the body gets no gradients, those of old rows are set to 0, so AdamW changes
    neither weights nor moments, and weight decay is off. With ``freeze`` the body's gradients are not computed at all,
    which saves a third of the work. The state depends on the step alone, so a training may resume at any point.
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
        """Call before the forward pass of step ``step`` (from 0): freezes the weights that it does not train."""
        if self.alone == (step < self.steps):
            return
        self.alone = step < self.steps
        for parameter in self.learning if self.freeze else ():
            parameter.requires_grad_(not self.alone or id(parameter) in self.matrices)
        for group, decay in zip(self.optimizer.param_groups, self.decays, strict=True):
            group["weight_decay"] = 0.0 if self.alone else decay

    def mask(self) -> None:
        """Call after the backward pass: removes all gradients but those of the rows."""
        for parameter in self.learning if self.alone else ():
            if parameter.grad is None:
                continue
            if id(parameter) not in self.matrices:
                parameter.grad = None  # zeros would advance the moments
                continue
            learns = torch.zeros(parameter.grad.shape[0], dtype=torch.bool, device=parameter.device)
            learns[self.rows.start : self.rows.stop] = True
            parameter.grad.mul_(alike(learns.view(-1, *[1] * (parameter.grad.ndim - 1)), parameter.grad))


def alike(tensor: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """``tensor`` distributed over the ranks like ``other``."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    return distribute_tensor(tensor, other.device_mesh, other.placements) if isinstance(other, DTensor) else tensor

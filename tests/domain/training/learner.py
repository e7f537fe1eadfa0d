"""A tiny learner for the tests of checkpoints: a tied model with dropout, whose sizes no two ranks share evenly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from domain.training.state import storage
from domain.training.state.checkpoints import Checkpoints

Trained = tuple["Tiny", torch.optim.AdamW]


class Tiny(nn.Module):
    """Ids [rows, length] -> logits; 7 pieces, width 5, and a bias of one number."""

    def __init__(self, tied: bool = True) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 5)
        self.body = nn.Sequential(nn.Linear(5, 3), nn.GELU(), nn.Dropout(0.5), nn.Linear(3, 5))
        self.bias = nn.Parameter(torch.zeros(1))
        self.head = nn.Linear(5, 7, bias=False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        if tied:
            self.head.weight = self.table.weight

    def forward(self, ids: Tensor) -> Any:
        self.seen += 1
        return self.head(self.body(self.table(ids)) + self.bias)


def tiny(seed: int = 0, **how: Any) -> Tiny:
    """A model of this seed."""
    torch.manual_seed(seed)
    return Tiny(**how)


def adamw(model: nn.Module, **how: Any) -> torch.optim.AdamW:
    """Its optimizer."""
    return torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=0.1, **{"fused": True, **how})


def learn(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    """Steps on ids that are drawn: they depend on the generator, as dropout does."""
    for _ in range(steps):
        ids = torch.randint(0, 7, (4, 6)).to(next(model.parameters()).device)
        nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor, also of one that is sharded; a copy."""
    return (tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor).detach().clone()


def held(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Everything that a checkpoint must bring back, but random states: parameters, buffers and moments."""
    found = {name: whole(tensor) for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            found[f"{name}/{key}"] = whole(value)
    return found


def differ(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """Names of what is not the same to the bit."""
    names = sorted(one.keys() | other.keys())
    return [n for n in names if n not in one or n not in other or not same(one[n], other[n])]


def same(one: Tensor, other: Tensor) -> bool:
    """Shape, kind and every bit."""
    bits = [tensor.contiguous().view(-1).view(torch.uint8) for tensor in (one, other)]
    return one.shape == other.shape and one.dtype == other.dtype and torch.equal(*bits)


def trained(steps: int = 3, **how: Any) -> Trained:
    """A model that has learned."""
    model = tiny(**how)
    optimizer = adamw(model)
    learn(model, optimizer, steps)
    return model, optimizer


def fresh(folder: Path) -> tuple[Tiny, torch.optim.AdamW, Checkpoints]:
    """As in a new process: other weights, no moments, another random state."""
    model = tiny(seed=9)
    optimizer = adamw(model)
    return model, optimizer, Checkpoints(folder, model, optimizer)


def kept_at(folder: Path, *steps: int, anchors: tuple[int, ...] = (), kept: int = 9) -> Trained:
    """A training that is kept at these steps; its bias is the step."""
    model, optimizer = trained(1)
    with Checkpoints(folder, model, optimizer, keep=kept) as all_of_it:
        for step in steps:
            model.bias.data.fill_(step)
            all_of_it.save(step, {"of": step}, anchor=step in anchors)
    return model, optimizer


def steps(folder: Path) -> list[int]:
    """The steps in a folder in which nothing else is."""
    return sorted(storage.number(path) for path in folder.iterdir())


def flip(path: Path) -> None:
    """One bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

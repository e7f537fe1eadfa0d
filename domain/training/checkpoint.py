"""The whole state of a training on disk: written aside, sealed, renamed; a damaged one is passed over."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from domain.manifest import Damaged, seal, verify, write_json

KEPT = 2


def save_state(
    folder: Path, step: int, model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Make ``folder/step-<step>`` durable with weights, optimizer moments, random state and ``state`` (JSON).

    Safetensors and JSON only: nothing that is loaded again can carry code.
    """
    target = folder / f"step-{step:09d}"
    building = folder / f".{target.name}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in distinct(model).items()}
    save_file(weights, building / "model.safetensors")
    moments = {
        f"{index}.{key}": value.detach().cpu().contiguous()
        for index, entry in optimizer.state_dict()["state"].items()
        for key, value in entry.items()
    }
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    save_file(
        {**moments, **{f"random.{name}": value for name, value in random.items()}}, building / "optimizer.safetensors"
    )
    write_json(building / "state.json", {**state, "step": step})
    seal(building)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(building, target)
    for old in sorted(folder.glob("step-*"))[:-KEPT]:
        shutil.rmtree(old)


def load_state(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Restore the newest checkpoint whose digests hold and return its state; None where there is none."""
    for candidate in sorted(folder.glob("step-*"), reverse=True):
        try:
            verify(candidate)
        except Damaged:
            continue
        state: dict[str, Any] = json.loads((candidate / "state.json").read_text(encoding="utf-8"))
        weights = load_file(candidate / "model.safetensors")
        with torch.no_grad():
            for name, tensor in distinct(model).items():
                tensor.copy_(weights[name])
        moments = load_file(candidate / "optimizer.safetensors")
        torch.set_rng_state(moments.pop("random.cpu"))
        on_gpu = moments.pop("random.cuda", None)
        if on_gpu is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(on_gpu)
        entries: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in moments.items():
            index, key = name.split(".", 1)
            entries.setdefault(int(index), {})[key] = value
        optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})
        return state
    return None


def distinct(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and persistent buffers by name, a shared one once (safetensors stores no aliases)."""
    seen: set[int] = set()
    tensors = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor
    return tensors

"""A checkpoint with the state of no training of ours: the training is refused in one line, or goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.manifest import MANIFEST, seal
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from tests.domain.training.loops import CPU, train

DIGESTS = {"tokens": "a" * 64}
Change = Callable[[dict[str, Any], dict[str, Any]], object]  # of the state, and of the tensors' metadata


@pytest.fixture(scope="module")
def batches(tokens: Any) -> Batches:
    return Batches(tokens, Mixture(), rows=8, context=32, batches=12, seed=0)


@pytest.fixture(scope="module")
def trained(tokenizer: Any, batches: Batches, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training with its checkpoints."""
    out = tmp_path_factory.mktemp("trained") / "out"
    train(tokenizer, batches, out, CPU.replace(checkpoint_seconds=1e-6, checkpoints_kept=1), digests=DIGESTS)
    return out


def standing(**values: object) -> Change:
    return lambda state, tensors: state["standing"].update(values)


def without(ending: str) -> Change:
    def change(state: dict[str, Any], tensors: dict[str, Any]) -> None:
        for name in [name for name in tensors if name.endswith(ending)]:
            del tensors[name]

    return change


CHANGES: dict[str, Change] = {
    "no standing": lambda state, tensors: state.pop("standing"),
    "standing as a list": lambda state, tensors: state.update(standing=[]),
    "no digests": lambda state, tensors: state.pop("digests"),
    "digests as text": lambda state, tensors: state.update(digests="x"),
    "a step as text": standing(step="first"),
    "a step before the first": standing(step=-5),
    "a step beyond the last": standing(step=10**12),
    "a jump beyond the text": standing(jump=10**12),
    "a jump before it": standing(jump=-(10**6)),
    "tokens of nothing": standing(tokens=[]),
    "other keys": standing(evil=1),
    "stopped as a list": standing(stopped=["x"]),
    "no moments": without(".exp_avg"),
    "no counts of moments": without(".step"),
    "no spike history": without("history"),
    "no random state": without("random.cpu.0"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_state_that_is_none(tokenizer: Any, batches: Batches, tmp_path: Path, trained: Path, change: Change) -> None:
    out = tmp_path / "out"
    shutil.copytree(trained, out)
    (folder,) = (out / ".scratch" / "checkpoints").glob("step-*")
    state, metadata = (json.loads((folder / name).read_bytes()) for name in ("state.json", "metadata.json"))
    change(state, metadata["tensors"])
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / MANIFEST).unlink()
    seal(folder)
    lines: list[str] = []
    try:
        train(tokenizer, batches, out, digests=DIGESTS)
    except UserError as error:
        lines = str(error).splitlines()
    assert len(lines) <= 1

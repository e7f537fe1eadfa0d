"""Two processes learn as one does: the same text in the same order, the same losses to rounding, in turns too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.artifacts import Tokenizer, Tokens
from domain.errors import UserError
from domain.machine import Machine
from domain.model.build import build
from domain.model.parallel import spread
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.tokens.packing import PADDING
from domain.training.ranks import together
from domain.training.trainer import Trainer
from tests.domain.training.loops import CAUSAL, CPU, SHAPE, trainer

ROOT = Path(__file__).parents[3]


def wider(rows: Any, number: int) -> Batch:
    """What the second process reads is filled up to twice the length: objectives fill up to their own longest row."""
    batch = CAUSAL(rows, number)
    if os.environ.get("RANK") != "1":
        return batch
    beyond = torch.zeros_like(batch.labels)

    def filled(tensor: torch.Tensor, value: int) -> torch.Tensor:
        return torch.cat((tensor, beyond + value), dim=1)

    return Batch(
        inputs={"input_ids": filled(batch.inputs["input_ids"], 0)},
        labels=filled(batch.labels, IGNORED),
        valid=batch.valid,
        segments={"input_ids": filled(batch.segments["input_ids"], PADDING)},
    )


def part(
    tokens: Path, tokenizer: Path, out: Path, stop: int, machine: Machine, objective: Any = CAUSAL
) -> list[dict[str, float]]:
    """Train up to step ``stop`` of 12, as one of however many processes this is."""
    batches = Batches(Tokens.open(tokens), Mixture(), rows=9, context=32, batches=12, seed=0)
    step = Trainer.step

    class Enough(Exception):
        pass

    def limited(self: Trainer, batch: Any, valid: int) -> None:
        if self.progress.step == stop:
            self.checkpoints.finish()
            raise Enough
        step(self, batch, valid)

    shape = SHAPE if objective is CAUSAL else SHAPE.replace(context=64)
    model = build(shape, Tokenizer.open(tokenizer).path, seed=0)
    Trainer.step = limited  # type: ignore[method-assign]
    try:
        with together(machine) as ranks:
            loop = trainer(
                model, batches, out, machine, objective=objective, ranks=ranks, new_rows=range(300, 310), alone=2
            )
            return loop.run()
    except Enough:
        return []
    finally:
        Trainer.step = step  # type: ignore[method-assign]


def by_two(*paths: Path, stop: int, machine: Machine, objective: str = "CAUSAL") -> list[dict[str, float]]:
    """The same in two processes that torchrun starts."""
    told = [*map(str, paths), str(stop), machine.model_dump_json(), objective]
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__, *told],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return [json.loads(line) for line in (paths[-1].parent / "points.jsonl").read_text().splitlines()]


def test_two_then_one_then_two(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    """Sharded weights in the first and last turn, all of them in one process in the second."""
    here, out = (tokens.path, tokenizer.path), tmp_path / "turns"
    often = CPU.replace(checkpoint_seconds=1e-6)
    by_two(*here, out, stop=4, machine=often)
    part(*here, out, 8, often)
    alike(by_two(*here, out, stop=99, machine=often), part(*here, tmp_path / "one", 99, CPU))


@pytest.mark.soak
def test_each_with_all_weights(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    here = (tokens.path, tokenizer.path)
    found = by_two(*here, tmp_path / "two", stop=99, machine=CPU.replace(shard=1, recompute="full"))
    alike(found, part(*here, tmp_path / "one", 99, CPU))


@pytest.mark.soak
def test_batches_of_other_widths_go_through_as_often(tokens: Any, tokenizer: Any, tmp_path: Path) -> None:
    """Two rows at once of 32 tokens, and of 64: as many passes by both, or the ranks would wait for each other."""
    here, few = (tokens.path, tokenizer.path), CPU.replace(micro_batch=64)
    found = by_two(*here, tmp_path / "two", stop=99, machine=few, objective="wider")
    alike(found, part(*here, tmp_path / "one", 99, CPU, wider))


def alike(found: list[dict[str, float]], expected: list[dict[str, float]]) -> None:
    """The same text at every step, and the same figures to rounding."""
    assert [point["tokens"] for point in found] == [point["tokens"] for point in expected]
    for name in ("loss", "gradient_norm"):
        assert [p[name] for p in found] == pytest.approx([p[name] for p in expected], rel=1e-5)


def test_a_shard_that_does_not_divide() -> None:
    with pytest.raises(UserError, match=r"machine\.shard: is 3, which does not divide 4 processes"):
        spread(torch.nn.Linear(1, 1), 4, CPU.replace(shard=3), torch.device("cpu"))


if __name__ == "__main__":
    tokens, tokenizer, out, stop, machine, objective = sys.argv[1:]
    profile, learned = Machine.model_validate_json(machine), {"CAUSAL": CAUSAL, "wider": wider}[objective]
    found = part(Path(tokens), Path(tokenizer), Path(out), int(stop), profile, learned)
    if os.environ["RANK"] == "0":
        Path(out).with_name("points.jsonl").write_text("".join(json.dumps(point) + "\n" for point in found))

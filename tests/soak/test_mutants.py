"""The modules that decide are changed in one place at a time: their own tests must notice nine changes of ten."""

from __future__ import annotations

import time

import numpy  # noqa: F401  what the tests import is there before the first fork
import pydantic  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import torch  # noqa: F401

from tests.soak.mutants import HOME, mutants, sample, survives

SAMPLE, SEED = 24, 0
# Module -> its tests, and the changes that no caller can see: sizes of a pass, order among equals, checks of a
# caller's own mistake.
DECIDING: dict[str, tuple[str, set[str]]] = {
    "evals/gate.py": ("tests/evals/test_gate.py", set()),
    "evals/statistics/bootstrap.py": (
        "tests/evals/statistics/test_bootstrap.py",
        {"1000000 -> 2000000", "max(1, AT_ONCE // units) -> min(1, AT_ONCE // units)", "1 -> 2",
         "AT_ONCE // units -> AT_ONCE * units", "min(chunk, resamples - start) -> max(chunk, resamples - start)",
         "resamples - start -> resamples + start"},
    ),
    "corpora/holdout.py": ("tests/corpora/test_holdout.py", set()),
    "corpora/decontaminate.py": ("tests/corpora/test_decontaminate.py", set()),
    "corpora/dedup/near.py": ("tests/corpora/dedup/test_near.py", set()),
    "domain/text/minhash.py": ("tests/domain/text/test_minhash.py", set()),
    "domain/tokens/interleave.py": ("tests/domain/tokens/test_interleave.py", set()),
    "domain/tokens/batches.py": ("tests/domain/tokens/test_batches.py", set()),
    "domain/training/spikes.py": (
        "tests/domain/training/test_spikes.py",
        {"device.type == 'cpu' -> device.type != 'cpu'",
         "'cpu' if device.type == 'cpu' else device -> device if device.type == 'cpu' else 'cpu'"},
    ),
    "domain/score.py": ("tests/domain/test_score.py", set()),
}  # fmt: skip


@pytest.mark.parametrize("module", DECIDING)
def test_nine_mutants_of_ten_are_noticed(module: str) -> None:
    path, (tests, unseen) = HOME / module, DECIDING[module]
    began = time.monotonic()
    assert survives(path, path.read_text(encoding="utf-8"), [tests], limit=600), "its tests fail as it is"
    limit = 20 + 5 * (time.monotonic() - began)
    every = [mutant for mutant in mutants(path) if f"{mutant.before} -> {mutant.after}" not in unseen]
    chosen = sample(every, SAMPLE, SEED)
    survived = [str(mutant) for mutant in chosen if survives(path, mutant.source, [tests], limit=limit)]
    print(f"{module}: {len(chosen) - len(survived)} of {len(chosen)} noticed")
    assert len(survived) <= len(chosen) / 10, survived

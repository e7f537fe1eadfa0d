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
# Module -> its tests, and parts of lines whose changes no caller can see: how much is worked on at once.
DECIDING: dict[str, tuple[str, tuple[str, ...]]] = {
    "evals/gate.py": ("tests/evals/test_gate.py", ()),
    "evals/statistics/bootstrap.py": ("tests/evals/statistics/test_bootstrap.py", ("AT_ONCE",)),
    "corpora/holdout.py": ("tests/corpora/test_holdout.py", ("1e-9", "if left < 0")),
    "corpora/decontaminate.py": ("tests/corpora/test_decontaminate.py", ("np.empty((0, 2)", "ge=2", "ge=1")),
    "corpora/dedup/near.py": ("tests/corpora/dedup/test_near.py", ()),
    "domain/text/minhash.py": ("tests/domain/text/test_minhash.py", ("AT_ONCE",)),
    "domain/tokens/interleave.py": ("tests/domain/tokens/test_interleave.py", ()),
    "domain/tokens/batches.py": (
        "tests/domain/tokens/test_batches.py "
        "tests/domain/training/test_spike_recovery.py::test_the_documents_of_a_batch",
        (),
    ),
    "domain/training/spikes.py": ("tests/domain/training/test_spikes.py", ("device.type",)),
    "domain/score.py": ("tests/domain/test_score.py", ("AT_ONCE",)),
}


@pytest.mark.parametrize("module", DECIDING)
def test_nine_mutants_of_ten_are_noticed(module: str) -> None:
    path, (tests, unseen) = HOME / module, DECIDING[module]
    began = time.monotonic()
    assert survives(path, path.read_text(encoding="utf-8"), tests.split(), limit=600), "its tests fail as it is"
    limit = 20 + 5 * (time.monotonic() - began)
    lines = path.read_text(encoding="utf-8").splitlines()
    every = [mutant for mutant in mutants(path) if not any(part in lines[mutant.line - 1] for part in unseen)]
    chosen = sample(every, SAMPLE, SEED)
    survived = [str(mutant) for mutant in chosen if survives(path, mutant.source, tests.split(), limit=limit)]
    print(f"{module}: {len(chosen) - len(survived)} of {len(chosen)} noticed")
    assert len(survived) <= len(chosen) / 10, survived

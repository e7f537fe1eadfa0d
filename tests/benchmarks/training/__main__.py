"""The training engine: its speed against its peers, what a kill leaves of it, what several ranks make of it.

    make bench-training
    python -m tests.benchmarks.training --seed 1 --rounds 9 --only speed parity

Stages that train on real text (faults, orchestration) take it from ``--text``, a folder that holds ``finance`` and
``general`` with files .jsonl.gz that have a field ``text``; without it, from SHOPTALK_TEST_DATA. One JSON line a row:
stage, value (median), spread, goal, passed. Exit 1 where a goal is missed. ``--only gpu`` needs nothing but what
``domain`` needs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.rounds import told
from tests.benchmarks.training.material import Given

STAGES = ("speed", "contention", "loss", "parity", "ranks", "saving", "faults", "orchestration", "gpu")


def main() -> int:
    """Run the stages that are asked for."""
    options = argparse.ArgumentParser(prog="bench-training")
    options.add_argument("--text", type=Path, help="folder with finance and general")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--threads", type=int, default=0, help="of each process that learns; 0: one a core")
    options.add_argument("--only", nargs="*", choices=STAGES, default=STAGES)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as work:
        return told("training", given.only, Given(Path(work), given.text, given.seed, given.rounds, given.threads))


if __name__ == "__main__":
    sys.exit(main())

"""Tokenizer and tokens: their speed against their peers, interleaved in one run; quality is gated in the same run.

    make bench-tokens
    python -m tests.benchmarks.tokens --text FOLDER --seed 1 --rounds 5 --only encode

FOLDER holds ``finance`` and ``general`` with files .jsonl.gz that have a field ``text``; without it, those of
SHOPTALK_TEST_DATA. One JSON line a row: stage, ratio (median), spread, goal, gate, passed. Exit 1 where a goal is
missed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.corpora.__main__ import prepared

STAGES = ("encode", "train", "extend", "embeddings", "batches")


def main() -> int:
    """Run the stages that are asked for."""
    options = argparse.ArgumentParser(prog="bench-tokens")
    options.add_argument("--text", type=Path, help="folder with finance and general")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", nargs="*", choices=STAGES, default=STAGES)
    given = options.parse_args()
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        root = given.text or prepared(Path(folder))
        for stage in given.only:
            module = importlib.import_module(f"tests.benchmarks.tokens.{stage}")
            for row in module.rows(root, given.seed, given.rounds):
                print(json.dumps(row), flush=True)
                missed += [row["stage"]] if row["passed"] is False else []
    print(f"goals missed: {', '.join(missed)}" if missed else "all goals reached", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

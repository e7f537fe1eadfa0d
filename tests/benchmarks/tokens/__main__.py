"""Tokenizer and tokens: their speed against their peers, interleaved in one run; quality is gated in the same run.

    make bench-tokens
    python -m tests.benchmarks.tokens --text FOLDER --seed 1 --rounds 5 --only encode

FOLDER holds ``finance`` and ``general`` with files .jsonl.gz that have a field ``text``; without it, those of
SHOPTALK_TEST_DATA. One JSON line a row: stage, ratio (median), spread, goal, gate, passed. Exit 1 where a goal is
missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.corpora.__main__ import prepared
from tests.benchmarks.rounds import told

STAGES = ("encode", "train", "extend", "embeddings", "batches")


def main() -> int:
    """Run the stages that are asked for."""
    options = argparse.ArgumentParser(prog="bench-tokens")
    options.add_argument("--text", type=Path, help="folder with finance and general")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", nargs="*", choices=STAGES, default=STAGES)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return told("tokens", given.only, given.text or prepared(Path(folder)), given.seed, given.rounds)


if __name__ == "__main__":
    sys.exit(main())

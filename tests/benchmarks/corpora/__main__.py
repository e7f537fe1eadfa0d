"""The corpora's speed against their peers, interleaved in one run; quality is gated in the same run.

    make bench-corpora
    python -m tests.benchmarks.corpora --text PATH --seed 1 --rounds 5 --only near

PATH is a file or a folder of .jsonl (.gz, .zst) with a field ``text``; without it, the finance and general text of
SHOPTALK_TEST_DATA. One JSON line a row: stage, ratio (median), spread, goal, gate, passed. Exit 1 where a goal is
missed.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine
from tests.benchmarks.rounds import told

STAGES = (
    "quality", "exact", "near", "extraction", "pages", "filings", "decontamination", "harm", "privacy", "names",
    "pipeline", "heldout",
)  # fmt: skip


def texts_of(path: Path) -> list[str]:
    """The texts of a file, or of all files below a folder."""
    paths = sorted(p for p in path.rglob("*") if ".jsonl" in p.suffixes) if path.is_dir() else [path]
    documents = (found for p in paths for found in Files(path=str(p)).documents(Machine()))
    return [text for found in documents if (text := getattr(found, "text", ""))]


def prepared(folder: Path) -> Path:
    """The test data's finance and general text, unpacked into ``folder``."""
    given = os.environ.get("SHOPTALK_TEST_DATA")
    if not given:
        sys.exit("bench-corpora: no text. Fix: name it by --text, or set SHOPTALK_TEST_DATA.")
    subprocess.run([sys.executable, str(Path(given) / "prepare.py"), str(folder)], check=True, stdout=sys.stderr)
    return folder


def main() -> int:
    """Run the stages that are asked for."""
    options = argparse.ArgumentParser(prog="bench-corpora")
    options.add_argument("--text", type=Path, help="file or folder of JSON Lines")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", nargs="*", choices=STAGES, default=STAGES)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            if given.text is None:
                root = prepared(Path(folder))
                texts = texts_of(root / "finance") + texts_of(root / "general")
            else:
                texts = texts_of(given.text)
        except UserError as refusal:
            sys.exit(f"bench-corpora: {refusal}")
        random.Random(given.seed).shuffle(texts)
        return told("corpora", given.only, texts, given.seed, given.rounds)


if __name__ == "__main__":
    sys.exit(main())

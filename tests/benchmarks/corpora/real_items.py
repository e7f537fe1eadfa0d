"""How many real texts are dropped for the items of real benchmarks: what they share by chance, or truly quote.

    python -m tests.benchmarks.corpora.real_items TEXTS ITEMS

TEXTS is a file or a folder of JSON Lines with a field ``text``; ITEMS a folder with a file of JSON Lines for each
benchmark, in the form of MosaicML's Eval Gauntlet (query and choices, context, or context_options). Without them, the
finance and general text of SHOPTALK_TEST_DATA, and its gauntlet. One JSON line: how many texts, benchmarks and items
there are, and how many texts the default settings drop.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from corpora.decontamination.contamination import decide
from corpora.decontamination.decontaminate import Decontamination, Guard
from domain.jsonlines import write_lines
from domain.text.words import Split
from evals.protect import texts_of
from evals.tasks import Item
from tests.benchmarks.corpora.__main__ import prepared
from tests.benchmarks.corpora.__main__ import texts_of as texts_in
from tests.benchmarks.corpora.near import BATCH


def items(row: dict[str, Any]) -> Iterator[Item]:
    """The items in a line of a benchmark's file."""
    choices = tuple(map(str, row.get("choices") or ()))
    for question in row.get("context_options") or [row.get("query") or row.get("context") or ""]:
        if str(question).strip():
            yield Item(question=str(question), choices=choices)


def protected(folder: Path) -> Iterator[dict[str, Any]]:
    """The texts to be protected, as the stage ``protect`` writes them."""
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            every = [item for line in lines for item in items(json.loads(line))]
        for number, item in enumerate(every):
            for text in texts_of(item):
                yield {"task": path.stem, "item": number, "text": text}


def measured(texts: list[str], folder: Path) -> dict[str, Any]:
    """What is dropped of ``texts``."""
    rows = list(protected(folder))
    with tempfile.TemporaryDirectory() as aside:
        write_lines(Path(aside) / "texts.jsonl", rows)
        guard = Guard(Path(aside) / "texts.jsonl", Decontamination(max_share=1.0))
    batches = [(at, texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
    matches = [guard.matches(Split(some), at + np.arange(len(some))) for at, some in batches]
    dropped = decide(guard, np.concatenate(matches), np.zeros(len(texts), int), [("domain", "text")]).dropped
    return {
        "texts": len(texts),
        "benchmarks": len({row["task"] for row in rows}),
        "items": len({(row["task"], row["item"]) for row in rows}),
        "dropped": len(dropped),
        "share": round(len(dropped) / max(1, len(texts)), 5),
    }


def main() -> None:
    """Print the line."""
    if len(sys.argv) == 3:
        print(json.dumps(measured(texts_in(Path(sys.argv[1])), Path(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        data = prepared(Path(folder))
        texts = [text for part in ("finance", "general") for text in texts_in(data / part)]
        print(json.dumps(measured(texts, data / "raw" / "gen_eval_gauntlet")))


if __name__ == "__main__":
    main()

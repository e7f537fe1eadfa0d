"""Guards over a few protected texts of numbered words, and what is decided on texts that hold some of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from corpora.decontamination.contamination import Contamination, decide
from corpora.decontamination.decontaminate import Decontamination, Guard
from domain.text.words import Split

HERE = ("domain", "calls")


def numbered(first: int, count: int) -> str:
    """``count`` words, from the word of this number on."""
    return " ".join(f"w{i}" for i in range(first, first + count))


def pages(passage: str, count: int, name: str = "p") -> list[str]:
    """Texts of their own around a passage."""
    return [f"{name}{i} page {passage} ends {name}{i}" for i in range(count)]


def guarded(folder: Path, *rows: str | tuple[str, int, str], **settings: object) -> Guard:
    """Rows are (task, item, text), or a text alone: an item of a task of its own."""
    path = folder / "texts.jsonl"
    named = [
        {"task": f"task{i}", "text": row}
        if isinstance(row, str)
        else dict(zip(("task", "item", "text"), row, strict=True))
        for i, row in enumerate(rows)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in named))
    return Guard(path, Decontamination.model_validate({"max_share": 1.0, **settings}))


def found(guard: Guard, *texts: str) -> list[int]:
    """Which of the texts are hit."""
    return sorted(set(guard.matches(Split(texts), range(len(texts)))[:, 0].tolist()))


def decided(guard: Guard, *texts: str, others: int = 0, clusters: np.ndarray | None = None) -> Contamination:
    """The decision on these texts, of a source that has others, too."""
    finds = guard.matches(Split(texts), range(len(texts)))
    return decide(guard, finds, np.zeros(len(texts) + others, int), [HERE], clusters)

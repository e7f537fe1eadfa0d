"""Small files of orders, for the tests beside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from domain.training.tune import Tuning

WORDS = ["solve", "system", "residual", "norm", "iteration", "sparse"]


def written(path: Path, *records: Any) -> Path:
    """Records, or whole lines, in a file."""
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def orders(path: Path, count: int = 60) -> Path:
    """Which of two words came twice?"""
    pairs = [(WORDS[n % 6], WORDS[(n + 1 + n // 6 % 5) % 6]) for n in range(count)]
    asked = [{"instruction": f"Twice, {n}?", "input": f"{a} {b} {a}", "label": a} for n, (a, b) in enumerate(pairs)]
    return written(path, *asked)


def read(path: Path, **columns: str) -> list[Any]:
    """Place and messages of every order."""
    return [(order.place, order.messages) for order in Tuning(path=str(path), **columns).read()]

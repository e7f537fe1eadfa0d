"""JSON Lines in one stable form: keys sorted, a row a line, never more than a row in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def line(row: dict[str, Any]) -> str:
    """A row as its line; equal rows give equal lines."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows of a JSON Lines file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(map(line, rows))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file."""
    with path.open(encoding="utf-8") as file:
        for text in file:
            yield json.loads(text)

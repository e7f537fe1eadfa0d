"""What files made by hand give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corpora.document import Document, Quarantined
from corpora.sources.files import Files
from domain.machine import Machine

TEXTS = ["first", "sécond", "third"]
JSONL = "".join(json.dumps({"text": t}) + "\n" for t in TEXTS).encode()


def read_documents(path: Path | str, **settings: Any) -> list[Document | Quarantined]:
    """Every document and what is quarantined."""
    return list(Files(kind="files", path=str(path), **settings).documents(Machine(workers=1)))


def texts(items: list[Document | Quarantined]) -> list[str]:
    """The texts of the documents."""
    return [item.text for item in items if isinstance(item, Document)]


def broken(items: list[Document | Quarantined]) -> list[Quarantined]:
    """What is quarantined."""
    return [item for item in items if isinstance(item, Quarantined)]


PARAGRAPH = "The bank expects its profit to grow in the coming year. "


def html(word: str) -> bytes:
    """A page in German of 31 January 2024, which begins with this word."""
    head = f'<html lang="de"><head><meta name="date" content="2024-01-31"><title>{word}</title></head>'
    return f"{head}<body><p>{word} {PARAGRAPH * 5}</p></body></html>".encode()

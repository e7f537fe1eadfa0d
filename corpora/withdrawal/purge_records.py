"""Removes messages that quote purged documents from records of runs and from Prefect's history."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from corpora.withdrawal.many_strings import ManyStrings
from corpora.withdrawal.purge_caches import mentions
from domain.jsonfile import JSONFileError, read_json
from domain.manifest import write_json

REMOVED = "(removed: it quoted a document that was purged)"
JSONValue = None | bool | int | float | str | list["JSONValue"] | dict[str, "JSONValue"]


def from_records(work: Path, passages: ManyStrings) -> Iterator[str]:
    """Take messages with any of these passages out of the records of runs, and remove a history of Prefect with one."""
    for path in sorted((work / "runs").glob("*.json")):
        try:
            before = read_json(path)
        except (OSError, JSONFileError):
            continue
        after = unquoted(before, passages)
        if after != before:
            write_json(path, after)
            yield f"{path}: a message that quoted a document is removed"
    prefect = work / "prefect"
    if any(path.is_file() and mentions(path, passages) for path in sorted(prefect.rglob("*"))):
        for path in sorted(prefect.glob("*")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield f"{prefect}: its history of runs quoted a document, and is removed"


def unquoted(value: JSONValue, passages: ManyStrings) -> JSONValue:
    """A JSON value in which texts that hold a passage are replaced."""
    if isinstance(value, str):
        return REMOVED if passages.within(value.encode("utf-8", "replace")) else value
    if isinstance(value, list):
        return [unquoted(each, passages) for each in value]
    if isinstance(value, dict):
        return {name: unquoted(each, passages) for name, each in value.items()}
    return value

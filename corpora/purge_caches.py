"""Which files that sources keep hold a document: told by its id or address in their names, or in their bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from corpora.many_strings import ManyStrings, RowsById
from corpora.web.rate_limit import file_name
from domain.jsonlines import parse_line, read_lines

JUDGED = "curate"  # judged shards, which name their documents
AGAIN = ("crawl", "files")  # archives and files of many documents, which are fetched again where they are wanted
APART = ("robots", "pace")  # hold no text
LOG = "entries.jsonl"  # what a feed has said; it forgets, so that the log must outlive a purge
CHUNK = 1 << 20
SHORTEST = 12  # characters of an id that is looked for in the names of files: an accession number has 20


def addresses(raws: Iterable[Path], ids: Collection[str]) -> set[str]:
    """The URLs of documents, as raw text states them; they are there after their text is deleted, too."""
    rows, urls = RowsById(ids), set()
    for raw in raws:
        for shard in sorted((raw / "documents").glob("*.jsonl")):
            with shard.open("rb") as lines:
                for text in lines:
                    if rows.may_be(text) and (row := parse_line(text))["id"] in ids and row["url"]:
                        urls.add(str(row["url"]))
    return urls


def holding(cache: Path, ids: Collection[str], urls: Collection[str]) -> Iterator[Path]:
    """The files and folders that hold any of these documents, or of which nobody can tell; logs of feeds apart."""
    for folder in sorted((cache / JUDGED).glob("*")):
        states = folder / "states.jsonl"
        if not states.exists() or any(row["id"] in ids for row in read_lines(states)):
            yield folder
    names = {stem for name in ids if len(stem := name.partition("#")[0]) >= SHORTEST} | {file_name(url) for url in urls}
    names |= {hashlib.sha256(each.encode()).hexdigest()[:32] for each in (*ids, *urls)}
    by_name, by_content = ManyStrings(map(os.fsencode, names)), ManyStrings(url.encode() for url in urls)
    for path in sorted(cache.rglob("*")):
        place = path.relative_to(cache)
        if not path.is_file() or place.parts[0] in (JUDGED, *APART) or path.name == LOG:
            continue
        if by_name.within(os.fsencode(place)) or (place.parts[0] in AGAIN and mentions(path, by_content)):
            yield path


def mentions(path: Path, wanted: ManyStrings) -> bool:
    """Whether any of these stands in a file, unpacked; also where it cannot be unpacked to its end."""
    if not wanted.longest:
        return False
    before = b""
    try:
        with unpacked(path) as file:
            while chunk := file.read(CHUNK):
                if wanted.within(before + chunk):
                    return True
                before = chunk[-wanted.longest :]
    except Exception:  # each library has errors of its own for what is broken
        return True
    return False


def unpacked(path: Path) -> Any:
    """The bytes of a file that may be gzip or zstandard, by how it begins."""
    import fsspec

    with path.open("rb") as file:
        magic = file.read(4)
    packed = "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else None
    return fsspec.open(str(path), "rb", compression=packed)

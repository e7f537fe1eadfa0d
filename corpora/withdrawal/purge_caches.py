"""Which cached files of sources contain a document: by the id or address in their names, or by their bytes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from corpora.web.rate_limit import file_name
from corpora.withdrawal.many_strings import ManyStrings, RowsById
from domain.jsonlines import parse_line, read_lines

JUDGED = "curate"  # judged shards, which name their documents
AGAIN = ("crawl", "files")  # archives and files of many documents, which are fetched again where they are wanted
APART = ("robots", "pace")  # hold no text
LOG = "entries.jsonl"  # what a feed has said; it forgets, so that the log must outlive a purge
CHUNK = 1 << 20
PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+){2,}")
PASSAGES, LONGEST_PASSAGE, SHORTEST_PASSAGE = 3, 60, 30  # of a text; characters of each, and of how it begins
SEALED = (b"PAR1", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")  # begin files that are not looked into
SHORTEST = 12  # characters of an id that is looked for in the names of files: an accession number has 20


def known_by(raws: Iterable[Path], ids: Collection[str]) -> tuple[set[str], set[bytes]]:
    """(the URLs of documents, passages of their texts), as raw text states them; URLs are there after their text is
    deleted, too.
    """
    rows, urls, paragraphs = RowsById(ids), set[str](), set[bytes]()
    for raw in raws:
        for shard in sorted((raw / "documents").glob("*.jsonl")):
            with shard.open("rb") as lines:
                for text in lines:
                    if rows.may_be(text) and (row := parse_line(text))["id"] in ids:
                        if row["url"]:
                            urls.add(str(row["url"]))
                        paragraphs.update(passages(row["text"]))
    return urls, paragraphs


def passages(text: str) -> Iterator[bytes]:
    """A few passages of a text as files write them: words of ASCII with single spaces, which are the same in every
    form, the longest first; without any, how its first line begins, in UTF-8 and as JSON escapes it.
    """
    plain = sorted((match[0] for match in PLAIN.finditer(text)), key=lambda passage: -len(passage))[:PASSAGES]
    if first := PLAIN.search(text):
        plain.append(first[0][:SHORTEST_PASSAGE])  # what is cut short, as in a message, begins as the text does
    yield from (passage[:LONGEST_PASSAGE].encode() for passage in dict.fromkeys(plain))
    if not plain and (begin := text.partition("\n")[0][:LONGEST_PASSAGE]):
        yield begin.encode()
        yield json.dumps(begin)[1:-1].encode()


def holding(
    cache: Path, ids: Collection[str], urls: Collection[str], passages: Collection[bytes] = ()
) -> Iterator[Path]:
    """The files and folders that hold any of these documents, or of which nobody can tell; logs of feeds apart."""
    for folder in sorted((cache / JUDGED).glob("*")):
        states = folder / "states.jsonl"
        if not states.exists() or any(row["id"] in ids for row in read_lines(states)):
            yield folder
    names = {stem for name in ids if len(stem := name.partition("#")[0]) >= SHORTEST} | {file_name(url) for url in urls}
    names |= {hashlib.sha256(each.encode()).hexdigest()[:32] for each in (*ids, *urls)}
    by_name, by_content = (
        ManyStrings(map(os.fsencode, names)),
        ManyStrings((*passages, *(url.encode() for url in urls))),
    )
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
    try:
        with path.open("rb") as stored:
            # What is kept of an answer begins with a line of what was noted of it.
            before = stored.readline(CHUNK) if stored.peek(1)[:1] == b"{" else b""
            if stored.peek(6)[:6].startswith(SEALED):
                return True
            file = unpacked(stored)
            while chunk := file.read(CHUNK):
                if wanted.within(before + chunk):
                    return True
                before = chunk[-wanted.longest :]
            return wanted.within(before)
    except Exception:  # each library has errors of its own for what is broken
        return True


def unpacked(file: BufferedReader) -> Any:
    """The bytes of a file from here on, which may be gzip or zstandard, by how they begin."""
    from fsspec.compression import compr

    magic = file.peek(4)[:4]
    packed = "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else None
    return file if packed is None else compr[packed](file, mode="r")

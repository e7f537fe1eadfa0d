"""A full submission in EDGAR's format: its header, and its documents without pictures, archives and XBRL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Both spellings of a header: labels (the .txt that EDGAR publishes) and tags (the .nc of its feed).
LABELS = {
    "accession": rb"(?:ACCESSION NUMBER:|<ACCESSION-NUMBER>)\s*([\d-]+)",
    "form": rb"(?:CONFORMED SUBMISSION TYPE:|<TYPE>)[ \t]*([^\r\n<]+)",
    "filed": rb"(?:FILED AS OF DATE:|<FILING-DATE>)\s*(\d{8})",
    "company": rb"(?:COMPANY CONFORMED NAME:|<CONFORMED-NAME>)[ \t]*([^\r\n<]+)",
}
HEADER = {name: re.compile(pattern) for name, pattern in LABELS.items()}
DOCUMENT, TEXT, END = b"<DOCUMENT>", b"<TEXT>", b"</TEXT>"
FIELD = re.compile(rb"<(TYPE|FILENAME)>([^\r\n<]*)")
# A body that is no prose begins with one of these: a picture or archive (uuencoded), a PDF, XML that is not HTML.
# Between the XML declaration and its first element, inline XBRL has comments of who made it.
DATA = re.compile(
    rb"\s*(?:<(?:PDF|XML|XBRL|JSON|ZIP|EXCEL)>\s*)?(?:begin [0-7]{3} \S|%PDF"
    rb"|<\?xml [^>]{0,200}>\s*(?:<!--(?:(?!-->).){0,2000}-->\s*|<!DOCTYPE[^>]{0,300}>\s*)*<(?![!?]|(?:\w+:)?html))",
    re.S | re.I,
)
BEGINNING = 10_000  # bytes that tell
NO_PROSE = re.compile(r"(?:GRAPHIC|ZIP|EXCEL|PDF|XML|JSON|FDS|EX-27|EX-10[014])(?![\w])")
WRAPPER = re.compile(rb"\A\s*<(?:XBRL|PDF|XML|JSON)>|</(?:XBRL|PDF|XML|JSON)>\s*\Z")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One document of a submission: its type (``10-K``, ``EX-99.1``), file name and raw body."""

    kind: str
    name: str
    body: bytes

    @property
    def exhibit(self) -> bool:
        """Whether it is an exhibit to the filing."""
        return self.kind.startswith("EX-")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A filing: what its header says (None where it says nothing; ``filed`` is YYYYMMDD), and its prose."""

    accession: str | None
    form: str | None
    filed: str | None
    company: str | None
    parts: tuple[Part, ...]

    @property
    def main(self) -> tuple[Part, ...]:
        """The filing itself: documents of the submission's own type; the first that is no exhibit where none is."""
        own = tuple(part for part in self.parts if part.kind == self.form)
        return own or tuple(part for part in self.parts if not part.exhibit)[:1]


def submission(content: bytes) -> Submission:
    """Take a full submission apart. Raises ``ValueError`` where it holds no document with prose."""
    first = content.find(DOCUMENT)
    head = content[: max(0, first)]
    header = {
        name: match[1].decode("latin-1").strip() if (match := rule.search(head)) else None
        for name, rule in HEADER.items()
    }
    parts = tuple(
        Part(kind=kind, name=name, body=WRAPPER.sub(b"", content[start:end]))
        for kind, name, start, end in bodies(content)
        if prose(content, kind, start, end)
    )
    if not parts:
        raise ValueError("holds no document" if first < 0 else "holds no document with text, only pictures or data")
    return Submission(parts=parts, **{**header, "form": header["form"] or parts[0].kind})


def pruned(content: bytes) -> bytes:
    """The submission with the bodies of documents without prose left empty: a tenth of its size, and less."""
    pieces, at = [], 0
    for kind, _, start, end in bodies(content):
        if not prose(content, kind, start, end):
            pieces.append(content[at:start])
            at = end
    return b"".join([*pieces, content[at:]])


def bodies(content: bytes) -> Iterator[tuple[str, str, int, int]]:
    """(type, file name, where its body begins, where it ends) of each document. The last one may be cut short."""
    at = content.find(DOCUMENT)
    while at >= 0:
        after = content.find(DOCUMENT, at + len(DOCUMENT))
        limit = after if after >= 0 else len(content)
        text = content.find(TEXT, at, limit)
        if text >= 0:
            fields = {name: value.strip().decode("latin-1") for name, value in FIELD.findall(content[at:text])}
            start = text + len(TEXT)
            end = content.rfind(END, start, limit)
            yield fields.get(b"TYPE", "").upper(), fields.get(b"FILENAME", ""), start, end if end >= 0 else limit
        at = after


def prose(content: bytes, kind: str, start: int, end: int) -> bool:
    """Whether a document is text or HTML, by its type and by how its body begins; an empty one is neither."""
    if NO_PROSE.match(kind) or DATA.match(content, start, min(end, start + BEGINNING)):
        return False
    return not content[start:end].isspace() and start < end

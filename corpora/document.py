"""A document: text, id, source, url, language, licence, date."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import normalize

import numpy as np

from corpora.metadata.dates import iso_day, states_date
from domain.text.characters import IGNORABLE, JOINED_SCRIPTS, JOINERS, PLANES, TAGS, code_points, few_marks

if TYPE_CHECKING:
    from datatrove.data import Document as TroveDocument

SURROGATES = re.compile("[\ud800-\udfff]")
LIGATURES = {chr(code): normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}  # ff fi fl ffi ffl st
LONGEST_UNREAD = 40  # characters of a date that is told of
CONTROLS = bytes(code for code in (*range(32), 127) if chr(code) not in "\t\n\x0b\x0c\x1c\x1d\x1e")
BREAKS = bytes.maketrans(b"\x0b\x0c\x1c\x1d\x1e", b"\n\n\n\n\n")
# A C1 control is a character of windows-1252 that was read as latin-1 (WHATWG, Encoding: latin1 is windows-1252).
WINDOWS = {chr(code): bytes([code]).decode("windows-1252", "ignore") for code in range(0x80, 0xA0)}
REPLACED = re.compile(
    f"[\ud800-\udfff\ufb00-\ufb06\x80-\x9f\u2028\u2029{IGNORABLE}]"
    # Joiners stay in the scripts that need them, and between the parts of a pictogram.
    f"|(?<![{JOINED_SCRIPTS}\ufe0f\u2190-\u2bff\U0001f000-\U0001faff])[{JOINERS}]"
)
REPLACEMENTS = {**LIGATURES, **WINDOWS, "\u2028": "\n", "\u2029": "\n"}
DIVIDED_SOFTLY = re.compile(r"\u00ad(?<=[^\W\d_]\u00ad)[ \t]*\n[ \t]*(?=[^\W\d_])")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text and where it is from. ``date`` is ISO (YYYY-MM-DD); what is not known is None.

    Whoever makes one: its text is as ``clean`` leaves it, its date a day as ``iso_day`` reads it, and all of it can be
    written as UTF-8. The last four are about its making and stand in no row: ``unread_date`` is a date of which no
    day can be told, ``licence_from`` who states the licence, and ``overridden_licence`` what its record states instead;
    ``positional`` tells that the record had no id: ``id`` says where it stood, and another may stand there tomorrow.
    """

    id: str
    text: str
    source: str
    url: str | None = None
    licence: str | None = None
    date: str | None = None
    language: str | None = None
    unread_date: str | None = field(default=None, compare=False)
    licence_from: Literal["record", "data set", "recipe"] | None = field(default=None, compare=False)
    overridden_licence: str | None = field(default=None, compare=False)
    positional: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))
        if self.date is not None:
            day = iso_day(self.date)
            if day is None and states_date(self.date):
                object.__setattr__(self, "unread_date", str(self.date)[:LONGEST_UNREAD])
            object.__setattr__(self, "date", day)
        for name in ("id", "source", "url", "licence", "language", "unread_date", "overridden_licence"):
            value = getattr(self, name)
            if value is not None and not value.isascii():
                object.__setattr__(self, name, SURROGATES.sub("\ufffd", value))

    @property
    def own(self) -> str | None:
        """The id that its record states."""
        return None if self.positional else self.id

    def row(self) -> dict[str, str | None]:
        """The document as JSON."""
        return {name: getattr(self, name) for name in FIELDS}


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A piece of a source that could not be read: where it stands, and why not.

    ``id`` is what the document would have been called: ``place`` may tell of this machine and is not kept.
    ``records`` is how many documents it may stand for, where a file broke off.
    """

    place: str
    reason: str
    id: str = ""
    records: int = 1


@dataclass(frozen=True, kw_only=True)
class Empty(Quarantined):
    """A record that could be read and has nothing of what is wanted, with the reason. Not one that is broken."""


FIELDS = tuple(each.name for each in fields(Document))[:7]  # of a row


def clean(text: str) -> str:
    """The text in the form in which all later stages see it: no NUL, no lone surrogate, LF alone, trimmed.

    In Unicode's form NFC, and the ligatures of printed pages as their letters, so that a word is spelled one way.
    Without control and invisible characters: a word that a soft hyphen divides at a line's end is put together, and
    joiners stay in the scripts that need them. At most 30 marks stand on one letter.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text.encode("ascii").translate(BREAKS, CONTROLS).decode("ascii").strip()
    text = text.encode("utf-8", "surrogatepass").translate(BREAKS, CONTROLS).decode("utf-8", "surrogatepass")
    codes = code_points(text)
    letters = codes[codes >= 0x80]
    if replaced_table()[np.minimum(letters, PLANES)].any() or letters.max(initial=0) >= TAGS[0]:
        text = REPLACED.sub(replacement, DIVIDED_SOFTLY.sub("", text))
    return normalize("NFC", few_marks(text)).strip()


@lru_cache(maxsize=1)
def replaced_table() -> np.ndarray:
    """bool by code point: what does not stay, or not everywhere."""
    table = np.zeros(PLANES + 1, bool)
    table[[match.start() for match in REPLACED.finditer("".join(map(chr, range(PLANES))))]] = True
    table[[ord(joiner) for joiner in JOINERS]] = True
    return table


def replacement(match: re.Match[str]) -> str:
    """What stands for a character that no text holds."""
    letter = match[0]
    return "\ufffd" if "\ud800" <= letter <= "\udfff" else REPLACEMENTS.get(letter, "")


def iso_language(code: str | None) -> str | None:
    """A language's two letters (ISO 639-1) for its three, by CLDR, without its region; what has none stays."""
    from babel.core import get_global

    if not code:
        return None
    main = re.split(r"[-_]", code.lower(), maxsplit=1)[0]
    return str(get_global("language_aliases").get(main, main))


def from_trove(trove: TroveDocument) -> Document:
    """datatrove's Document as ours."""
    return Document(id=trove.id, text=trove.text, **{name: trove.metadata.get(name) for name in FIELDS[2:]})


def to_trove(record: dict[str, Any]) -> TroveDocument:
    """A JSON record as datatrove's Document: what is neither text nor id goes into its metadata."""
    from datatrove.data import Document as TroveDocument

    metadata = {key: value for key, value in record.items() if key not in ("id", "text")}
    return TroveDocument(text=record["text"], id=record["id"], metadata=metadata)

"""What each document carries: text, id, source, url, licence, date, language."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

if TYPE_CHECKING:
    from datatrove.data import Document as TroveDocument

SURROGATES = re.compile("[\ud800-\udfff]")
LIGATURES = {chr(code): normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}  # ff fi fl ffi ffl st
REPLACED = re.compile("[\ud800-\udfff\ufb00-\ufb06]")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text and where it is from. ``date`` is ISO (YYYY-MM-DD); what is not known is None.

    Whoever makes one: its text is as ``clean`` leaves it, and all of it can be written as UTF-8.
    Raises ``ValueError`` for a date that is none.
    """

    id: str
    text: str
    source: str
    url: str | None = None
    licence: str | None = None
    date: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))
        object.__setattr__(self, "date", iso_date(self.date))
        for name in ("id", "source", "url", "licence", "language"):
            value = getattr(self, name)
            if value is not None and not value.isascii():
                object.__setattr__(self, name, SURROGATES.sub("\ufffd", value))

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


FIELDS = tuple(field.name for field in fields(Document))


def clean(text: str) -> str:
    """The text in the form in which all later stages see it: no NUL, no lone surrogate, LF alone, trimmed.

    In Unicode's form NFC, and the ligatures of printed pages as their letters, so that a word is spelled one way.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    if not text.isascii():
        text = REPLACED.sub(lambda found: LIGATURES.get(found[0], "\ufffd"), normalize("NFC", text))
    return text.strip()


def iso_date(value: object) -> str | None:
    """A date as YYYY-MM-DD; None for nothing; raises ``ValueError`` that shows what is no date."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).strip()
    if re.fullmatch(r"\d{8}", text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no date; write YYYY-MM-DD") from None


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

"""What each document carries: text, id, source, url, licence, date, language."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datatrove.data import Document as TroveDocument

SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text and where it is from. ``date`` is ISO (YYYY-MM-DD); what is not known is None."""

    id: str
    text: str
    source: str
    url: str | None = None
    licence: str | None = None
    date: str | None = None
    language: str | None = None

    def line(self) -> str:
        """The document as one JSON line, keys sorted."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True) + "\n"


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A piece of a source that could not be read: where it stands, and why not."""

    place: str
    reason: str


def clean(text: str) -> str:
    """The text in the form in which all later stages see it: no NUL, no lone surrogate, LF alone, trimmed."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return SURROGATES.sub("\ufffd", text).strip()


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


def to_trove(record: dict[str, Any]) -> TroveDocument:
    """A JSON record as datatrove's Document: what is neither text nor id goes into its metadata."""
    from datatrove.data import Document as TroveDocument

    metadata = {key: value for key, value in record.items() if key not in ("id", "text")}
    return TroveDocument(text=record["text"], id=record["id"], metadata=metadata)

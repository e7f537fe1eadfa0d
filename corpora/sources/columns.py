"""From a record's columns to a document: which column is the text, the id, the date, the url, the licence."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from corpora.document import Document, iso_date
from domain.errors import UserError
from domain.spec import Spec

LONGEST_TEXT = 100_000_000  # characters; what is longer is no document
LONGEST_NAME = 1_000  # of an id, a language or a licence: ids of all documents are in memory together
LONGEST_ADDRESS = 8_000  # of a URL; what is longer, as data: may be, names no page
PATH_STEP = re.compile(r"\[(\*|\d+)\]|([^.\[\]]+)")


class Columns(Spec):
    """Names of columns; a dot reaches into nested records (``meta.published``), a number into lists (``pages.0.text``),
    and ``sections[*].text`` is the text of all of them, with a blank line between two."""

    text: Annotated[str, Field(description="column of the text")] = "text"
    id: Annotated[str, Field(description="column of the id; without it, file and line are the id")] = "id"
    date: Annotated[str, Field(description="column of the date (ISO, or YYYYMMDD)")] = "date"
    url: Annotated[str, Field(description="column of the url")] = "url"
    language: Annotated[str, Field(description="column of the language")] = "language"
    licence: Annotated[
        str | None,
        Field(description="column of the licence; where a record has no such column, the licence of all documents"),
    ] = None

    def document(self, record: dict[str, Any], *, source: str, name: str) -> Document:
        """The document in ``record``, called ``name`` where it has no id; raises ``ValueError`` with a reason."""
        text = value_at(record, self.text)
        if text is None:
            problem = "is empty" if has(record, self.text) else "is not there"
            raise ValueError(f"column {self.text} {problem}")
        if not isinstance(text, str):
            raise ValueError(f"column {self.text} holds {type(text).__name__}, not text")
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"column {self.text} holds {len(text):,} characters, more than {LONGEST_TEXT:,}")
        own, licence = value_at(record, self.id), self.licence_of(record)
        own = str(own) if own not in (None, "") else name
        for column, value in ((self.id, own), (self.licence or "licence", licence or "")):
            if len(value) > LONGEST_NAME:
                raise ValueError(f"column {column} holds {len(value):,} characters, more than {LONGEST_NAME:,}")
        language, url = value_at(record, self.language), value_at(record, self.url)
        return Document(
            id=own,
            text=text,
            source=source,
            url=url if isinstance(url, str) and 0 < len(url) <= LONGEST_ADDRESS else None,
            licence=licence,
            date=iso_date(value_at(record, self.date)),
            language=language if isinstance(language, str) and 0 < len(language) <= LONGEST_NAME else None,
        )

    def licence_of(self, record: dict[str, Any]) -> str | None:
        """The licence that the record states, or that the recipe states for all."""
        if self.licence is None:
            stated = value_at(record, "licence") or value_at(record, "license")
            return str(stated) if stated else None
        if not has(record, self.licence):
            return self.licence
        stated = value_at(record, self.licence)
        return str(stated) if stated else None  # the column is there and says nothing: unknown

    def check_first(self, record: dict[str, Any], place: str) -> None:
        """Raise a ``UserError`` where the very first record lacks the text column: the mapping is wrong."""
        if not has(record, self.text):
            columns = ", ".join(map(str, record)) or "none"
            raise UserError(place, f"no column {self.text}; the columns are {columns}", "set text: to one of them")


MISSING = object()


def has(record: dict[str, Any], path: str) -> bool:
    """Whether there is such a column, whatever it holds."""
    return reached(record, path) is not MISSING


def value_at(record: dict[str, Any], path: str) -> Any:
    """The value of a column, or below it where the name has dots; None where there is none."""
    value = reached(record, path)
    return None if value is MISSING else value


def reached(record: dict[str, Any], path: str) -> Any:
    """The value of a column, or ``MISSING``."""
    return record[path] if path in record else below(record, steps(path))


@lru_cache(maxsize=256)
def steps(path: str) -> tuple[str, ...]:
    """``sections[*].text`` -> ("sections", "*", "text")."""
    return tuple(inside or name for inside, name in PATH_STEP.findall(path))


def below(here: Any, path: tuple[str, ...]) -> Any:
    """The value at the end of these steps; of each item of a list for ``*``: texts are joined, what is empty is not."""
    for at, step in enumerate(path):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step == "*":
            values = [value for item in here if (value := below(item, path[at + 1 :])) not in (MISSING, None)]
            return "\n\n".join(values) if all(isinstance(value, str) for value in values) else values
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return MISSING
    return here

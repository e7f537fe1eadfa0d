"""From a record's columns to a document: the text, the id, the date, the url, the licence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from corpora.document import LONGEST_UNREAD, Document
from corpora.files.record import foreign
from corpora.files.sniff import MARK_FOREIGN
from corpora.metadata.dates import Dates, states_date
from corpora.metadata.licence import statement
from corpora.sources.licensing import LicenceOverride, Terms, licence_columns, record_licence, settle
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
    date: Annotated[str, Field(description="column of the date")] = "date"
    dates: Annotated[Dates, Field(description="how dates are written, where that is not clear")] = Dates()
    url: Annotated[str, Field(description="column of the url")] = "url"
    language: Annotated[str, Field(description="column of the language")] = "language"
    licence: Annotated[
        str | LicenceOverride | None,
        Field(description="column of the licence, or the licence of all documents that state none of their own"),
    ] = None

    @model_validator(mode="after")
    def _one_column(self) -> Self:
        if self.dates.column is not None and self.date not in ("date", self.dates.column):
            raise ValueError("date and dates.column name two columns; keep one of them")
        return self

    @property
    def date_column(self) -> str:
        """The column of the date."""
        return self.dates.column or self.date

    def document(
        self, record: dict[str, Any], *, source: str, name: str, place: str = "", card: str | None = None
    ) -> Document:
        """The document in ``record``, called ``name`` where it has no id; ``card`` is the licence of its data set.

        Raises ``ValueError`` with a reason, and ``UserError`` at ``place`` where recipe and record state two licences.
        """
        text = value_at(record, self.text)
        if text is None:
            if not has(record, self.text):
                raise ValueError(f"column {self.text} is not there")
            text = ""
        if isinstance(text, bytes):  # as some writers of Parquet have texts
            text = text.decode(errors=MARK_FOREIGN)
            if foreign(text):
                raise ValueError(f"column {self.text} is not UTF-8")
        if not isinstance(text, str):
            raise ValueError(f"column {self.text} holds {type(text).__name__}, not text")
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"column {self.text} holds {len(text):,} characters, more than {LONGEST_TEXT:,}")
        own, terms = value_at(record, self.id), self.terms(record, place or source, card)
        positional = own in (None, "")
        own = name if positional else str(own)
        if len(own) > LONGEST_NAME:
            raise ValueError(f"column {self.id} holds {len(own):,} characters, more than {LONGEST_NAME:,}")
        language, url, date = (value_at(record, column) for column in (self.language, self.url, self.date_column))
        day = self.dates.day(date)
        return Document(
            id=own,
            text=text,
            source=source,
            url=url if isinstance(url, str) and 0 < len(url) <= LONGEST_ADDRESS else None,
            licence=terms.licence,
            date=day,
            language=language if isinstance(language, str) and 0 < len(language) <= LONGEST_NAME else None,
            unread_date=str(date)[:LONGEST_UNREAD] if day is None and states_date(date) else None,
            licence_from=terms.stated_by,
            overridden_licence=terms.overridden,
            positional=positional,
        )

    def terms(self, record: dict[str, Any], place: str, card: str | None) -> Terms:
        """The licence of a record: its own, else its data set's, else the recipe's."""
        if isinstance(self.licence, str) and has(record, self.licence):
            stated, recipe = statement(value_at(record, self.licence)), None
        else:
            stated, recipe = record_licence(record), self.licence
        if stated is not None and len(stated) > LONGEST_NAME:
            raise ValueError(f"its licence has {len(stated):,} characters, more than {LONGEST_NAME:,}")
        if stated is None and card is not None:
            return settle(recipe, card, "data set", place)
        return settle(recipe, stated, "record", place)

    def choose(self, paths: Sequence[str]) -> list[str]:
        """Those of a table's paths (``meta.published``) that a document needs; none where the text is not there."""
        text = [path for path in paths if is_of(path, self.text)]
        names = [self.id, self.date_column, self.url, self.language]
        if isinstance(self.licence, str):
            names.append(self.licence)
        others = {path for path in paths for name in names if is_of(path, name)}
        return list(dict.fromkeys([*text, *sorted(others), *licence_columns(paths)])) if text else []

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


def is_of(path: str, name: str) -> bool:
    """Whether a path of a schema is of a column that is called so, or of what it names in a record or list."""
    into = steps(name)
    fixed = ".".join(into[: next((at for at, step in enumerate(into) if step == "*" or step.isdecimal()), len(into))])
    return path == name or (fixed != "" and f"{path}.".startswith(f"{fixed}."))


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

"""Dates that cannot be read: their documents stay, undated, and are counted."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date

from corpora.document import Document
from domain.url_secrets import shown

logger = logging.getLogger(__name__)

FAR_YEARS = 10  # a date so much later than ``as_of`` is a mark for "never", as 2099-12-31


class UnreadDates:
    """The documents of a source with a date of which no day can be told: how many, and the first."""

    def __init__(self, as_of: date | None, number: int = 0, first: str = "") -> None:
        self.number, self.first = number, first
        self.last = None if as_of is None else f"{as_of.year + FAR_YEARS:04}{as_of.isoformat()[4:]}"

    def checked(self, document: Document) -> Document:
        """The document; a date so far ahead that it stands for "never" is one that cannot be read."""
        if document.date is None or self.last is None or document.date <= self.last:
            return document
        return replace(document, date=None, unread_date=document.date)

    def count(self, document: Document) -> None:
        """Note a document that stays."""
        if document.unread_date is not None:
            self.number += 1
            self.first = self.first or shown(f"{document.id}: {document.unread_date!r}")

    def warn(self, title: str) -> None:
        """Say so, with the first one."""
        if self.number:
            text = "%s: of %s no day can be told, so they are undated; the first is %s. State dates.format if it is one"
            logger.warning(text, title, f"{self.number:,} dates" if self.number > 1 else "1 date", self.first)

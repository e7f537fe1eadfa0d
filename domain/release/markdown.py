"""Markdown of names from outside: escaped, so that none ends a cell, starts a link or becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from domain.page.page import printable

SPECIAL = re.compile(r"([\\`*\[\]|~#!])")


def escape(text: str) -> str:
    """Text on one line that Markdown and HTML show as it is, without control characters."""
    plain = str(printable(" ".join(text.split()))).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", plain)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers; cells are Markdown already."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))

"""The environment of every page: autoescaped templates that may use the stylesheet and the units."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from domain.units import percent, size

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def stylesheet() -> str:
    """The style of all pages, to be put into each: a page asks nothing of elsewhere."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


@cache
def environment(folder: Path) -> Environment:
    """Templates of a folder. Every value is escaped and its control characters taken out: ids and texts are hostile."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=printable,
    )  # fmt: skip
    made.filters |= {
        "count": lambda number: "–" if number is None else f"{number:,}",
        "some": lambda number, thing: f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s",
        "size": lambda number: "–" if number is None else size(number),
        "percent": lambda share: "–" if share is None else percent(share),
    }
    made.globals["style"] = Markup(stylesheet())
    return made


def printable(value: object) -> object:
    """Text without Unicode's "other": control, format (which turns the direction of writing), surrogate, private."""
    if type(value) is not str or value.isspace() or (value.isascii() and value.isprintable()):
        return value
    return "".join(letter for letter in " ".join(value.split()) if not unicodedata.category(letter).startswith("C"))

"""The environment of every page: autoescaped templates that share a layout, macros, a stylesheet and units."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from domain.page.charts import bars, columns, line_chart
from domain.units import amount, percent, size

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class PageHeader:
    """What every page of a run opens with; ``rows`` are label and value, ``links`` file names and titles of pages."""

    name: str
    as_of: str
    state: Literal["released", "refused", "open"] = "open"
    outcome: str = "Not decided yet"
    reasons: Sequence[str] = ()
    rows: Sequence[tuple[str, str]] = ()
    links: Mapping[str, str] = field(default_factory=dict)


def render(template: Path, header: PageHeader, **content: Any) -> str:
    """One self-contained HTML page from a template that extends ``layout.html``; the same content, the same bytes."""
    return str(environment(template.parent).get_template(template.name).render(header=header, **content))


@cache
def environment(folder: Path) -> Environment:
    """Templates of a folder and of this one. All values are untrusted: escaped, without control characters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FileSystemLoader([folder, HERE]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=printable,
    )  # fmt: skip
    made.filters |= {
        "amount": amount,
        "count": lambda number: "–" if number is None else f"{number:,}",
        "some": lambda number, thing: f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s",
        "size": lambda number: "–" if number is None else size(number),
        "percent": lambda share: "–" if share is None else percent(share),
    }
    made.globals |= {
        "style": Markup((HERE / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - this package's own file
        "bars": bars, "columns": columns, "line_chart": line_chart,
    }  # fmt: skip
    return made


def printable(value: object) -> object:
    """Text without Unicode's "other": control, format (which turns the direction of writing), surrogate, private."""
    if type(value) is not str or value.isspace() or (value.isascii() and value.isprintable()):
        return value
    return "".join(letter for letter in " ".join(value.split()) if not unicodedata.category(letter).startswith("C"))

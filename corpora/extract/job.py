"""What is sent to a worker, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mode = Literal["trafilatura", "resiliparse"]
EXTRACTORS = ("trafilatura", "resiliparse", "lxml", "pypdf")  # distributions whose versions decide what a page gives
HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A page to be read. ``form`` is html, pdf, or ``package.module:function``: bytes -> ``Extracted``.

    ``charset`` is what the server or the recipe says of an HTML page, ``mode`` how its main text is found.
    """

    content: bytes
    form: str = "html"
    mode: Mode = "trafilatura"
    charset: str | None = None


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """A page's text, and what it says of itself: ``date`` is its ISO day, ``url`` its canonical address, ``licences``
    are names and addresses as they stand there."""

    text: str
    title: str | None = None
    date: str | None = None
    language: str | None = None
    url: str | None = None
    licences: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Why a page gave no text, in one line."""

    reason: str


def form_of(media: str) -> Literal["html", "pdf", "text"] | None:
    """How a media type is read; None for what holds no text. Plain text needs no worker."""
    kind = media.partition(";")[0].strip().lower()
    if kind in HTML:
        return "html"
    return "pdf" if kind == "application/pdf" else "text" if kind == "text/plain" else None

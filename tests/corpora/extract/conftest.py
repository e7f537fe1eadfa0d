"""The two ways to read a page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from corpora.extract.html import page
from corpora.extract.job import Mode


@pytest.fixture(params=["trafilatura", "resiliparse"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Each of them."""
    name: Mode = request.param
    return name


@pytest.fixture
def text_of(mode: Mode) -> Callable[[str], str]:
    """``text_of(body)``: what is read of a page with this body."""
    return lambda body: page(f"<html><body>{body}</body></html>".encode(), mode=mode).text

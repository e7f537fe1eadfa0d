"""Errors in one line, whatever their message."""

from __future__ import annotations

import pytest

from domain.errors import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\nsecond"), "first"),
        (ValueError("\n\n  third\n"), "third"),
        (ValueError(""), "ValueError"),
        (ValueError(), "ValueError"),
        (OSError(), "OSError"),
        (KeyError("name"), "'name'"),
        (RuntimeError("\r\n \n"), "RuntimeError"),
    ],
)
def test_the_first_line_says_something(error: Exception, line: str) -> None:
    assert first_line(error) == line

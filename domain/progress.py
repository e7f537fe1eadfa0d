"""Progress bars: what is running, how far, how fast, and the time left."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


class Lines:
    """Standard error for a log: each state of a bar is a line of its own, not a return to the line's begin."""

    def write(self, text: str) -> None:
        """Write a bar's state; what only moves the cursor is left out."""
        state = text.strip("\r\n ")
        if state:
            sys.stderr.write(f"{state}\n")

    def flush(self) -> None:
        """Flush standard error."""
        sys.stderr.flush()


def columns() -> int:
    """The width of the terminal on standard error; 0 for one that has no size, as a container's may."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 0


def progress(
    iterable: Iterable[Any] | None = None,
    *,
    what: str,
    total: float | None = None,
    unit: str = "it",
    initial: float = 0,
    shown: bool = True,
) -> Any:
    """A tqdm bar on stderr; a line every 10 s where stderr is no terminal, so that logs stay readable.

    Of several processes that do the same, one is ``shown``.
    """
    live = sys.stderr.isatty()
    assumed: dict[str, int] = {"ncols": 80, "nrows": 24} if live and not columns() else {}
    return tqdm(
        iterable,
        desc=what,
        total=total,
        unit=unit,
        initial=initial,
        unit_scale=True,
        dynamic_ncols=live and not assumed,
        ascii=not live,
        mininterval=0.5 if live else 10.0,
        file=sys.stderr if live else Lines(),
        disable=not shown,
        **assumed,
    )

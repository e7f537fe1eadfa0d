"""Progress on long work: what it does, how far, how fast, what remains."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(
    iterable: Iterable[Any] | None = None,
    *,
    what: str,
    total: float | None = None,
    unit: str = "it",
    initial: float = 0,
) -> Any:
    """A tqdm bar on stderr; a line every 10 s where stderr is no terminal, so that logs stay readable."""
    live = sys.stderr.isatty()
    return tqdm(
        iterable,
        desc=what,
        total=total,
        unit=unit,
        initial=initial,
        unit_scale=True,
        dynamic_ncols=live,
        ascii=not live,
        mininterval=0.5 if live else 10.0,
        file=sys.stderr,
    )

"""Sizes, counts, durations and paths as a person reads them."""

from __future__ import annotations

import os
from pathlib import Path


def amount(count: float) -> str:
    """A count with its suffix: 1.2M."""
    for suffix, unit in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 0.9995 * unit:
            return f"{count / unit:.3g}{suffix}"
    return f"{count:.0f}"


def size(count: float) -> str:
    """Bytes with their unit: 1.2 GB."""
    for suffix, unit in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= 0.9995 * unit:
            return f"{count / unit:.3g} {suffix}"
    return f"{count:.0f} B"


def duration(seconds: float) -> str:
    """A time as people say it: 4 min, 2.5 h, 3 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def stages(count: int) -> str:
    """So many stages: 1 stage, 12 stages."""
    return f"{count} stage{'' if count == 1 else 's'}"


def relative(path: str) -> str:
    """A path as one would type it: from the current folder, where it lies below that."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def percent(share: float) -> str:
    """12.3%; small shares keep two digits."""
    return f"{share:.1%}" if share >= 0.01 or share == 0 else f"{share:.2g}" if share < 1e-4 else f"{share:.2%}"

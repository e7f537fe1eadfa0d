"""At most N requests in any one-second window, over all processes of a machine."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import re
import time
from pathlib import Path

# Requests arrive a little later than they leave, and not all equally late; 5% keeps the window true where they arrive.
MARGIN = 1.05


class Pace:
    """The times of the last N requests stand in the file ``folder``/``name``, which is locked while one waits.

    ``per_second`` above 1 is rounded down; 0.1 is one request in ten seconds.
    """

    def __init__(self, folder: Path, name: str, per_second: float) -> None:
        if not (per_second > 0 and math.isfinite(per_second)):
            raise ValueError(f"{per_second} requests per second is no pace")
        self.count = max(1, int(per_second))
        self.window = round(1e9 * MARGIN * max(1.0, 1 / per_second))
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / file_name(name)

    def wait(self) -> None:
        """Return as soon as one more request may leave, and count it."""
        with self.path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            times = read(file.read())[-self.count :]
            if len(times) == self.count:
                time.sleep(max(0, self.window - age(times[0])) / 1e9)
            times.append((time.time_ns(), time.monotonic_ns()))
            file.seek(0)
            file.truncate()
            file.write(json.dumps(times[-self.count :]))


def age(then: tuple[int, int]) -> int:
    """Nanoseconds since a time, by the clock that says less and never below 0.

    The wall clock may be set and the monotonic one begins anew at boot. The lesser of both never shortens a wait,
    and no wait is longer than one window, whichever clock jumps.
    """
    return max(0, min(time.time_ns() - then[0], time.monotonic_ns() - then[1]))


def read(text: str) -> list[tuple[int, int]]:
    """The times in a file; what a crash left unreadable counts as none."""
    try:
        return [(int(wall), int(monotonic)) for wall, monotonic in json.loads(text)]
    except (ValueError, TypeError):
        return []


def file_name(name: str) -> str:
    """A name for a file, one for each ``name``, whatever characters that holds."""
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip(".-")[:80]
    return name if plain and plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"

"""Errors of the disk, as one line."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from flows.run.disk import disk_error


def test_an_error_of_the_disk_is_found_under_others(tmp_path: Path) -> None:
    inner = OSError(errno.ENOSPC, "No space left on device", "/data/x")
    outer: Any = ExceptionGroup("workers", [RuntimeError("a worker failed")])
    outer.exceptions[0].__cause__ = inner
    refusal = disk_error(outer, tmp_path)
    assert refusal is not None
    assert refusal.place == "/data/x"
    assert disk_error(RuntimeError("I/O error: No space left on device (os error 28)"), tmp_path) is not None
    assert disk_error(RuntimeError("a defect"), tmp_path) is None
    assert disk_error(FileNotFoundError(errno.ENOENT, "gone"), tmp_path) is None


def test_what_stands_in_the_way_in_the_work_folder_and_nowhere_else(tmp_path: Path) -> None:
    for number in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        refusal = disk_error(OSError(number, "in the way", str(tmp_path / "runs")), tmp_path)
        assert refusal is not None
        assert refusal.place == str(tmp_path / "runs")
        assert disk_error(OSError(number, "a defect", "/elsewhere"), tmp_path) is None
        assert disk_error(OSError(number, "a defect"), tmp_path) is None

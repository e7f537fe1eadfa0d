from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from domain.progress import progress


def test_in_a_log_each_state_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(3), what="read", unit="doc")) == [0, 1, 2]
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith("read")
    assert last.startswith("read")
    assert "\r" not in first + last


def test_it_says_how_far_how_fast_and_what_remains(capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress(what="base", total=2_000, unit="tok", initial=500)
    bar.update(1_500)
    bar.close()
    last = capsys.readouterr().err.splitlines()[-1]
    assert "100%" in last
    assert "2.00k/2.00k" in last
    assert "tok/s" in last


def test_a_terminal_without_a_size_shows_the_bar() -> None:
    code = "from domain.progress import progress; list(progress(range(3), what='read', unit='doc'))"
    ours, theirs = pty.openpty()  # of 0 columns
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, cwd=Path(__file__).parents[2])
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # as the other end is closed
        while part := os.read(ours, 10_000):
            shown += part
    os.close(ours)
    assert b"read: 100%" in shown
    assert b"3.00/3.00" in shown

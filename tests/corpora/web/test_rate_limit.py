"""At most N requests in any one-second window, measured where they arrive."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from corpora.web import Pace
from corpora.web.rate_limit import file_name
from tests.corpora.web.server import Reply, serving

HAMMER = """
import sys
from pathlib import Path
from corpora.web import Client, Pace
from domain.machine import Machine
url, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with Client(Machine(private_hosts=(url.split("/")[2],)), pace=Pace(folder, "site", 20)) as client:
    for _ in range(count):
        client.get(url)
"""


def test_several_processes_keep_one_pace(tmp_path: Path) -> None:
    with serving() as web:
        web.pages["/"] = Reply(b"x")
        command = [sys.executable, "-c", HAMMER, f"{web.url}/", str(tmp_path), "20"]
        for process in [subprocess.Popen(command) for _ in range(3)]:
            assert process.wait(60) == 0
        times = sorted(each.at for each in web.asked)
    assert len(times) == 60
    # The 20th request after any one comes a second later at the least.
    assert min(late - early for early, late in zip(times, times[20:], strict=False)) >= 1.0
    assert times[-1] - times[0] < 2 * 1.05 + 2.0  # and the pace is made use of


def test_threads_keep_it_too(tmp_path: Path) -> None:
    times: list[float] = []

    def ask() -> None:
        pace = Pace(tmp_path, "site", 5)
        for _ in range(3):
            pace.wait()
            times.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    assert min(late - early for early, late in zip(times, times[5:], strict=False)) >= 1.0


def test_less_than_one_a_second(tmp_path: Path) -> None:
    slow = Pace(tmp_path, "slow", 1 / 86_400)
    assert (slow.count, slow.window) == (1, round(1.05 * 86_400e9))
    assert Pace(tmp_path, "fast", 8.9).count == 8


@pytest.mark.parametrize("clock", ["wall", "monotonic"])
@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_neither_stops_nor_frees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: str, hours: int
) -> None:
    pace = Pace(tmp_path, "site", 1)
    pace.wait()
    name = {"wall": "time_ns", "monotonic": "monotonic_ns"}[clock]
    true, slept = getattr(time, name), []
    monkeypatch.setattr(time, name, lambda: true() + hours * 3_600 * 10**9)
    monkeypatch.setattr(time, "sleep", slept.append)
    pace.wait()
    assert 0.9 < slept[0] <= 1.05


def test_what_a_crash_left_counts_as_nothing(tmp_path: Path) -> None:
    for broken in ("[[1, 2], [", "{}", "[3]", "null", "\0\0"):
        (tmp_path / "site").write_text(broken)
        Pace(tmp_path, "site", 1).wait()
        assert len(json.loads((tmp_path / "site").read_text())) == 1


def test_names_become_files_one_for_each() -> None:
    assert file_name("edgar") == "edgar"
    names = ["https://a.example", "http://a.example", "https://a.example:80", "../../etc", "a" * 300, "..", "", "ü"]
    files = [file_name(name) for name in names]
    assert len(set(files)) == len(names)
    assert all("/" not in file and file not in ("", ".", "..") and len(file) < 100 for file in files)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_no_pace(tmp_path: Path, wrong: float) -> None:
    with pytest.raises(ValueError, match="is no pace"):
        Pace(tmp_path, "site", wrong)

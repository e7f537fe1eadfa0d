from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpora.extract import Extracted, Failed, Job, extract_pages
from domain.errors import UserError

OWN = """
import os, signal, time
from corpora.extract import Extracted
seen = []
def read(content):
    word = content.decode()
    seen.append(word)
    if word == "spin":
        while True: pass
    if word == "sleep":
        time.sleep(60)
    if word == "wait":
        time.sleep(0.8)
    if word.startswith("once") and not os.path.exists(word[5:]):
        open(word[5:], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "leave":
        os._exit(3)
    if word == "grow":
        return Extracted(text=str(len(bytearray(3_000_000_000))))
    if word == "raise":
        raise KeyError("what\\nit lacks")
    if word == "refuse":
        raise ValueError("is not for reading")
    if word == "print":
        print("noise on the wire")
    if word == "second" and len(seen) > 1:
        os._exit(4)
    return Extracted(text=word, date="2024-01-31", title="caf\\u00e9 \\ud800")
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_reader.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_reader:read"


def jobs(form: str, words: list[str]) -> Iterator[Job]:
    return (Job(content=word.encode(), form=form) for word in words)


def told(found: Extracted | Failed) -> str:
    return found.text if isinstance(found, Extracted) else f"! {found.reason}"


def test_a_page_that_breaks_its_worker_fails_alone_and_in_order(own: str) -> None:
    words = ["a", "spin", "b", "die", "raise", "grow", "refuse", "leave", "print", "second", "c"]
    found = [told(each) for each in extract_pages(jobs(own, words), workers=1, seconds=0.5)]
    assert found == [
        "a", "! took more than 0.5 seconds of processor time", "b", "! ended its worker process (SIGKILL)",
        "! KeyError: 'what\\nit lacks'", "! needs too much memory", "! is not for reading",
        "! ended its worker process (code 3)", "print", "second", "c",
    ]  # fmt: skip


def test_fields_survive(own: str) -> None:
    (found,) = extract_pages(jobs(own, ["x"]), workers=1)
    assert found == Extracted(text="x", date="2024-01-31", title="café \ud800")
    assert list(extract_pages([], workers=4)) == []


def test_a_slow_page_does_not_hold_up_the_others_for_ever(own: str) -> None:
    words = ["spin", *map(str, range(60))]
    found = [told(each) for each in extract_pages(jobs(own, words), workers=2, seconds=1.0)]
    assert found == ["! took more than 1 seconds of processor time", *map(str, range(60))]


@pytest.mark.parametrize("workers", [1, 3])
def test_what_other_processes_take_makes_no_page_fail(own: str, workers: int) -> None:
    """A page that waits for its turn longer than its bound is read."""
    found = [told(each) for each in extract_pages(jobs(own, ["wait", "spin", "wait"]), workers=workers, seconds=0.4)]
    assert found == ["wait", "! took more than 0.4 seconds of processor time", "wait"]


def test_a_page_that_hangs_ends_the_run_and_is_not_left_out(own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpora.extract.pool.CLOCK", 2.0)
    with pytest.raises(UserError, match="a page was not read within 1 seconds by the clock, read alone too"):
        list(extract_pages(jobs(own, ["a", "sleep"]), workers=2, seconds=0.5))


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.soak), 3])
def test_a_worker_that_is_killed_by_chance_loses_no_page(own: str, tmp_path: Path, workers: int) -> None:
    words = [f"once:{tmp_path / name}" for name in "abc"]
    assert [told(each) for each in extract_pages(jobs(own, words), workers=workers)] == words


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
def test_no_process_is_left_where_the_caller_stops(own: str) -> None:
    before = set(children(os.getpid()))
    found = extract_pages(jobs(own, ["a", "sleep", "b"]), workers=2)
    assert told(next(found)) == "a"
    assert set(children(os.getpid())) - before
    found.close()  # type: ignore[attr-defined]
    assert not set(children(os.getpid())) - before


CALLER = """
import sys
from corpora.extract import Job, extract_pages
jobs = (Job(content=b"sleep", form="own_reader:read") for _ in range(2))
print("ready", flush=True)
for found in extract_pages(jobs, workers=2, seconds=float(sys.argv[1])):
    pass
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
@pytest.mark.parametrize(("how", "seconds"), [(signal.SIGINT, 60), (signal.SIGKILL, 60)])
def test_no_process_is_left_where_the_caller_is_ended(
    own: str, tmp_path: Path, how: signal.Signals, seconds: int
) -> None:
    """The caller ends its workers; where it was killed, they notice that themselves."""
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, str(seconds)], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as caller:  # fmt: skip
        deadline = time.monotonic() + 20
        while len(started := children(caller.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(started) == 2
        time.sleep(1.5)  # both are in the middle of a page
        caller.send_signal(how)
        caller.wait()
    deadline = time.monotonic() + 20  # less than the 60 s that a page takes
    while any(running(pid) for pid in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in started if running(pid)] == []


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def environment(content: bytes) -> Extracted:
    """What a worker knows of the environment."""
    import os

    return Extracted(text=" ".join(sorted(os.environ)))


def test_a_worker_inherits_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [
        "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "HF_TOKEN", "HTTPS_PROXY", "https_proxy", "SSH_AUTH_SOCK", "HOME",
        "GOOGLE_APPLICATION_CREDENTIALS", "PREFECT_API_AUTH_STRING", "MLFLOW_TRACKING_PASSWORD", "ANYTHING_ELSE",
    ]  # fmt: skip
    for name in secrets:
        monkeypatch.setenv(name, "s3cret")
    (result,) = extract_pages([Job(content=b"", form=f"{__name__}:environment")], workers=1)
    assert isinstance(result, Extracted)
    assert not set(result.text.split()) & set(secrets)
    assert "PATH" in result.text.split()

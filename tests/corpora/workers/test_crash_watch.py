"""A document that kills its worker is quarantined and no other, whatever the workers and whoever kills beside it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpora.plugins import Plugins
from corpora.workers.crash_watch import CrashWatch
from domain.errors import UserError
from tests.corpora.fates import ledger

RULE = """
import ctypes, os, resource, signal, sys, time
from pathlib import Path

def memory():
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 50_000_000, resource.RLIM_INFINITY))
    return bytearray(1_000_000_000)

WAYS = {
    "sigkill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sigterm": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit": lambda: os._exit(0),
    "memory": memory,
}

def deadly(document, way="sigkill"):
    if "kill" in document.text:
        WAYS[way]()

def leaves(document):
    if "system exit" in document.text:
        sys.exit(3)

broken = False

def poisoned(document):
    global broken
    if broken:
        os._exit(1)
    broken = "kill" in document.text

def slow(document, folder):
    if "slow" in document.text:
        Path(folder, f"{document.id}.{os.getpid()}").touch()
        time.sleep(0.5)
"""

Corpora = Callable[..., Any]


@pytest.fixture
def corpora(
    raw: Any, cleaned: Any, plugins: Plugins, prose: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Corpora:
    """``corpora(function, marked, word, workers, executor="local", **arguments)``: 40 documents in four shards, without
    a cache."""
    (tmp_path / "house_rule.py").write_text(RULE)
    monkeypatch.setattr(sys.modules["corpora.collect"], "SHARD_BYTES", 4_000)
    made: dict[str, Any] = {}

    def make(
        function: str, marked: set[int], word: str, workers: int, executor: str = "local", **arguments: Any
    ) -> Any:
        records = [{"id": f"d{i}", "text": f"{prose(i)} {word if i in marked else ''}"} for i in range(40)]
        key = f"{word} {marked}"
        made[key] = made.get(key) or raw(records)
        shutil.rmtree(tmp_path / "work" / "cache", ignore_errors=True)
        filters = [{"kind": f"house_rule:{function}", **arguments}]
        return cleaned(made[key], workers=workers, executor=executor, filters=filters, max_unreadable=0.5)

    return make


def quarantined(corpus: Any) -> set[str]:
    return {name for name, rows in ledger(corpus).items() if rows[-1]["action"] == "quarantined"}


@pytest.mark.parametrize(
    "way",
    ["sigkill", "exit", "memory", *(pytest.param(e, marks=pytest.mark.soak) for e in ("sigterm", "segfault", "abort"))],
)
def test_one_document_that_kills_its_worker(corpora: Corpora, way: str) -> None:
    made = [corpora("deadly", {17}, "kill", workers, way=way) for workers in (1, 2, 4)]
    assert [quarantined(corpus) for corpus in made] == [{"d17"}] * 3
    assert len({corpus.digest for corpus in made}) == 1
    assert {row["detail"] for row in ledger(made[0])["d17"]} == {"its worker died on it"}


def test_several_in_one_shard_and_in_others(corpora: Corpora) -> None:
    marked = {0, 3, 4, 17, 39}
    made = [corpora("deadly", marked, "kill", workers) for workers in (1, 2, 4, 4)]
    assert [quarantined(corpus) for corpus in made] == [{f"d{i}" for i in marked}] * 4
    assert len({corpus.digest for corpus in made}) == 1


@pytest.mark.soak
@pytest.mark.parametrize("way", ["sigkill", "segfault", "exit"])
def test_on_ray_the_same_documents_are_quarantined(corpora: Corpora, way: str) -> None:
    pytest.importorskip("ray")
    marked = {0, 17, 39}
    here, there = (corpora("deadly", marked, "kill", 2, executor, way=way) for executor in ("local", "ray"))
    assert quarantined(there) == quarantined(here) == {f"d{i}" for i in marked}
    assert there.digest == here.digest


def test_a_document_that_leaves_python(corpora: Corpora) -> None:
    corpus = corpora("leaves", {17}, "system exit", 2)
    assert quarantined(corpus) == {"d17"}
    assert ledger(corpus)["d17"][0]["detail"] == "SystemExit: 3"


def test_a_filter_that_one_document_breaks_for_the_next_blames_neither(corpora: Corpora) -> None:
    with pytest.raises(UserError, match="a process dies whenever it reaches d18, but not on that document alone"):
        corpora("poisoned", {17}, "kill", 2)


@pytest.mark.parametrize("workers", [1, 3])
def test_two_deaths_by_chance_name_nobody(corpora: Corpora, tmp_path: Path, workers: int) -> None:
    """Another process kills a worker, twice over the same document."""
    folder = tmp_path / "places"
    folder.mkdir()
    killed: set[str] = set()

    def kill() -> None:
        until = time.monotonic() + 60
        while len(killed) < 2 and time.monotonic() < until:
            for path in folder.iterdir():
                if path.name not in killed and len(killed) < 2:
                    killed.add(path.name)
                    os.kill(int(path.suffix[1:]), signal.SIGKILL)
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    corpus = corpora("slow", {17}, "slow", workers, folder=str(folder))
    killer.join()
    assert len(killed) == 2
    assert quarantined(corpus) == set()


def test_how_a_document_is_narrowed_down(tmp_path: Path) -> None:
    path = tmp_path / "shard.at"

    def tried() -> CrashWatch:
        """What the next process of the run knows."""
        return CrashWatch(path, "run")

    tried().look(256, 256)
    watch = tried()
    assert (watch.suspect, watch.batch(0, 256), watch.batch(100, 256)) == (None, 256, 156)
    assert (watch.batch(256, 256), watch.batch(511, 256), watch.batch(512, 256)) == (1, 1, 256)
    watch.look(300, 1)
    for _ in range(2):  # deaths over it alone
        watch = tried()
        assert (watch.suspect, watch.notes.deadly) == (300, [])
        assert tried().suspect is None  # a death before it was tried says nothing
        watch.trial("d300")
    watch = tried()
    assert (watch.suspect, watch.notes.deadly) == (None, [300])
    assert CrashWatch(path, "another").notes.deadly == []
    watch.end()
    assert tried().batch(256, 256) == 256


def test_a_document_that_survives_alone_is_innocent(tmp_path: Path) -> None:
    path = tmp_path / "shard.at"
    for _ in range(3):
        CrashWatch(path, "run").look(7, 1)
        watch = CrashWatch(path, "run")
        watch.trial("d7")
        watch.survive()
        assert watch.suspect is None
    CrashWatch(path, "run").look(7, 1)
    with pytest.raises(UserError, match="a process dies whenever it reaches d7"):
        CrashWatch(path, "run").trial("d7")


@pytest.mark.soak
def test_twenty_runs_give_one_corpus(corpora: Corpora) -> None:
    made = [corpora("deadly", {17}, "kill", 1 + run % 4) for run in range(20)]
    assert {corpus.digest for corpus in made} == {made[0].digest}
    assert all(quarantined(corpus) == {"d17"} for corpus in made)

"""Small raw text made by hand and the two stages over it; a local server, and sources that read it without delay."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corpora import Collection, Curation, collect, curate
from corpora.extract import Extracted, Failed, Job
from corpora.extract.html import page
from corpora.plugins import Plugins
from corpora.sources.feed import FRAGMENT, fragment
from domain.artifacts import Corpus, Protected, Raw
from domain.machine import Machine
from domain.manifest import seal
from tests.corpora.web.server import Web, serving

STOP = ["the", "of", "and", "to"]


def made_up(seed: object, words: int = 60) -> str:
    """A text of its own for every seed, of made-up words between stop words: it passes the filters."""
    chance = random.Random(str(seed))
    made = ["".join(chance.choices("aeioubcdfglmnprst", k=chance.randint(4, 9))) for _ in range(words)]
    return " ".join(f"{STOP[i % 4]} {word}" if i % 3 == 0 else word for i, word in enumerate(made))


@pytest.fixture
def prose() -> Callable[..., str]:
    """``prose(seed, words=60)``."""
    return made_up


def write(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    """A JSON Lines file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


Make = Callable[..., Any]


@pytest.fixture
def raw(tmp_path: Path) -> Make:
    """``raw(domain, general=None, **settings)``: records, collected."""

    def make(domain: list[dict[str, Any]], general: list[dict[str, Any]] | None = None, **settings: Any) -> Raw:
        general = general or [{"text": made_up(f"general {i}")} for i in range(30)]
        number = sum(1 for _ in tmp_path.glob("raw*"))
        sources = {
            part: [{"kind": "files", "path": str(write(tmp_path / f"in{number}" / f"{part}.jsonl", records))}]
            for part, records in (("domain", domain), ("general", general))
        }
        spec = Collection.model_validate({**sources, "licences": {"allow": ["unknown"]}, **settings})
        return collect(spec, out=tmp_path / f"raw{number}", machine=Machine(workers=1))

    return make


@pytest.fixture
def protected() -> Callable[..., Protected]:
    """``protected(folder, texts)``: texts that the task ``quiz`` asks."""

    def make(folder: Path, texts: Iterable[str]) -> Protected:
        write(folder / "texts.jsonl", [{"task": "quiz", "text": text} for text in texts])
        fields = {"stage": "protect", "version": 1, "kind": "Protected", "spec": None, "parents": {}, "facts": {}}
        seal(folder, identity=str(sorted(texts)), **fields)
        return Protected.open(folder)

    return make


@pytest.fixture
def cleaned(tmp_path: Path, protected: Callable[..., Protected], plugins: Plugins) -> Make:
    """``cleaned(raw, asked=[...], workers=1, executor="local", **settings)``: curated."""

    def make(raw: Raw, asked: Iterable[str] = (), workers: int = 1, executor: Any = "local", **settings: Any) -> Corpus:
        number = sum(1 for _ in tmp_path.glob("corpus*"))
        spec = Curation.model_validate(settings, context={"plugins": plugins})
        machine = Machine(workers=workers, executor=executor, work=tmp_path / "work")
        tasks = protected(tmp_path / f"tasks{number}", asked)
        return curate(spec, raw=raw, protected=tasks, out=tmp_path / f"corpus{number}", machine=machine)

    return make


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server on an address of its own."""
    with serving() as found:
        yield found


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sites that may be asked at any pace, and hardly a wait between tries."""
    monkeypatch.setattr("corpora.web.polite.Pace.wait", lambda pace: None)
    monkeypatch.setattr("corpora.web.client.BACKOFF", 0.001)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that do no harm, read in the process of the test: starting workers takes longer than most tests."""

    def extract(jobs: Iterable[Job], *, workers: int) -> Iterator[Extracted | Failed]:
        for job in jobs:
            if job.form == FRAGMENT:
                yield fragment(job.content)
            elif not job.content:
                yield Failed(reason="is empty")
            else:
                yield page(job.content, charset=job.charset, mode=job.mode)

    monkeypatch.setattr("corpora.sources.pages.extract_pages", extract)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """Leave to import ``house`` and what begins so from the test's folder, and not from that of an earlier test."""
    names = ("house", "house_files", "house_kinds", "house_rule", "house_stream")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield Plugins(names, tmp_path)
    for name in [each for each in sys.modules if each.partition(".")[0] in names]:
        del sys.modules[name]


@pytest.fixture
def own_kinds(tmp_path: Path, plugins: Plugins) -> str:
    """A module of the team's own with a source and a filter; its name."""
    (tmp_path / "house_kinds.py").write_text(OWN)
    return "house_kinds"


OWN = """
import os
from dataclasses import replace
from corpora import Document, Quarantined, Source

class Numbers(Source):
    count: int
    def stamp(self, machine):
        return self.count
    def documents(self, machine):
        for i in range(self.count):
            yield Document(id=f"n{i}", text=f"number {i} ", source=self.title, licence="mit", date="20240131")
        yield Quarantined(place="/secret/place/n-1", reason="is negative", id="n-1")

def shout(document, loud="!"):
    if "drop me" in document.text:
        return False, "unwanted"
    if "raise" in document.text:
        raise RuntimeError("cannot judge")
    if "answer" in document.text:
        return 7
    if "kill" in document.text:
        os.kill(os.getpid(), 9)
    if "vanish" in document.text:
        return replace(document, text="  ")
    if "surrogate" in document.text:
        return replace(document, text=document.text + chr(0xD800))
    return True

class Plain:
    pass
"""

"""A collection that is killed goes on behind the last file that was read whole, and gives the same bytes."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from corpora import Collection, collect
from corpora.collection.progress import PROGRESS, CollectProgress, RawPosition
from domain.machine import Machine
from domain.manifest import SCRATCH


class Killed(BaseException):
    """What no code catches, as a kill."""


def files_of(folder: Path, count: int = 6) -> Path:
    """Files with ids that repeat, an empty record, one that is broken and one whose date cannot be read."""
    folder.mkdir()
    for number in range(count):
        records: list[Any] = [{"id": f"d{i % 3}", "text": f"text {number} {i}"} for i in range(5)]
        records[number % 5] |= ({"date": "no day"}, {"text": ""}, {}, {"licence": "mit"}, {})[number % 5]
        lines = [json.dumps(record) for record in records]
        if number == 4:
            lines.append("{broken")
        (folder / f"{number}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def spec_of(folder: Path, **settings: Any) -> Collection:
    domain = {"kind": "files", "path": str(folder / "*.jsonl")}
    data = {"kind": "hub", "dataset": str(folder), "name": "data"}
    content = {"domain": [domain], "general": [data], "licences": {"allow": ["unknown", "mit"]}, "max_unreadable": 0.5}
    return Collection.model_validate({**content, **settings})


def killed_after(monkeypatch: pytest.MonkeyPatch, documents: int) -> list[int]:
    """Kills the collection after so many more documents; the list takes how many were written."""
    module = import_module("corpora.collect")
    add, written = module.RawWriter.add, [0]

    def counted(self: Any, *given: Any) -> Any:
        if written[0] == documents:
            raise Killed
        written[0] += 1
        return add(self, *given)

    monkeypatch.setattr(module.RawWriter, "add", counted)
    return written


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stage, which notes its progress after every file and cuts small shards."""
    module = import_module("corpora.collect")
    monkeypatch.setattr(module, "SAVED_BYTES", 0)
    monkeypatch.setattr(module, "SHARD_BYTES", 70)
    return module


@pytest.mark.parametrize("killed", [1, 4, 5, 13, 27, 29, 30, 44, 57])
def test_a_killed_collection_gives_the_same_bytes_and_reads_no_whole_file_again(
    tmp_path: Path, module: Any, monkeypatch: pytest.MonkeyPatch, killed: int
) -> None:
    folder, machine = files_of(tmp_path / "in"), Machine(work=tmp_path / "work", workers=1)
    whole = collect(spec_of(folder), out=tmp_path / "whole", machine=machine)
    with monkeypatch.context() as patch:
        killed_after(patch, killed)
        with pytest.raises(Killed):
            collect(spec_of(folder), out=tmp_path / "out", machine=machine)
    with monkeypatch.context() as patch:
        written = killed_after(patch, 1_000)
        again = collect(spec_of(folder), out=tmp_path / "out", machine=machine)
    assert again.digest == whole.digest
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")
    total = sum(whole.facts["documents"].values())
    assert total - killed <= written[0] <= total - killed + 5  # of a file that was begun


def test_kills_one_after_the_other(tmp_path: Path, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, machine = files_of(tmp_path / "in"), Machine(work=tmp_path / "work", workers=1)
    whole = collect(spec_of(folder), out=tmp_path / "whole", machine=machine)
    for _ in range(6):
        with monkeypatch.context() as patch:
            killed_after(patch, 9)
            with pytest.raises(Killed):
                collect(spec_of(folder), out=tmp_path / "out", machine=machine)
    assert collect(spec_of(folder), out=tmp_path / "out", machine=machine).digest == whole.digest


@pytest.mark.parametrize("change", ["a file that was read", "what is asked", "progress", "a written file"])
def test_what_was_changed_meanwhile_begins_anew(
    tmp_path: Path, module: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    folder, machine = files_of(tmp_path / "in"), Machine(work=tmp_path / "work", workers=1)
    spec, scratch = spec_of(folder), tmp_path / "out" / SCRATCH / "raw"
    with monkeypatch.context() as patch:
        killed_after(patch, 22)
        with pytest.raises(Killed):
            collect(spec, out=tmp_path / "out", machine=machine)
    match change:
        case "a file that was read":
            (folder / "0.jsonl").write_text('{"id": "new", "text": "new"}\n')
        case "what is asked":
            spec = spec_of(folder, as_of="2024-01-01")
        case "progress":
            (scratch / PROGRESS).write_bytes((scratch / PROGRESS).read_bytes()[:-9])
        case _:
            (scratch / "inventory.jsonl").write_bytes(b"")
    again = collect(spec, out=tmp_path / "out", machine=machine)
    assert again.digest == collect(spec, out=tmp_path / "whole", machine=machine).digest


def test_a_state_is_read_for_its_own_request_alone(tmp_path: Path) -> None:
    progress = CollectProgress.read(tmp_path / "raw", "one")
    (tmp_path / "raw" / "inventory.jsonl").write_bytes(b"12345")
    progress.position = RawPosition(sizes={"inventory.jsonl": 5}, shard_text=7)
    progress.save(tmp_path / "raw")
    assert CollectProgress.read(tmp_path / "raw", "one") == progress
    progress.position.sizes["inventory.jsonl"] = 6
    progress.save(tmp_path / "raw")
    assert CollectProgress.read(tmp_path / "raw", "one").position == RawPosition()
    progress.save(tmp_path / "raw")
    assert CollectProgress.read(tmp_path / "raw", "two").position == RawPosition()
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["documents"]

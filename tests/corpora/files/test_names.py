"""Names of folders that look like patterns, and what runs have made among a team's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corpora.document import Document
from corpora.sources.crawl import Crawl
from corpora.sources.files import Files
from corpora.sources.hub import Hub
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.reading import JSONL, TEXTS, texts


def read(folder: Path, path: str, machine: Machine | None = None) -> list[Any]:
    source = Files.model_validate({"kind": "files", "path": path}, context={"folder": str(folder)})
    return list(source.documents(machine or Machine(workers=1)))


@pytest.mark.parametrize(
    "name",
    [
        "[2024] calls",
        "calls [a-z]",
        "*",
        "what?",
        "**",
        "[",
        "]x[",
        "two words",
        "Übersicht 日本",
        "a\nb",
        "{a,b}",
        "[!x]",
        "%20",
    ],
)
def test_a_folder_is_no_pattern(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    (folder / "q1").mkdir(parents=True)
    for other in ("2 calls", "calls b", "neighbour", "what1", "y"):
        (tmp_path / other).mkdir(exist_ok=True)
        (tmp_path / other / "a.jsonl").write_text('{"text": "of a neighbour"}\n')
    for file in ("a.jsonl", "q1/b.jsonl"):
        (folder / file).write_bytes(JSONL)
    for path in ("a.jsonl", "*.jsonl", "?.jsonl", "[a].jsonl", "q1/*.jsonl"):
        items = read(folder, path)
        assert texts(items) == TEXTS
        assert items[0].id.endswith(("/a.jsonl:1", "/b.jsonl:1"))
    assert texts(read(folder, "**/*.jsonl")) == TEXTS * 2
    assert texts(read(tmp_path, f"{name}/*.jsonl")) == TEXTS
    settings = {"kind": "hub", "dataset": "."}
    hub = Hub.model_validate(settings, context={"folder": str(folder)})
    assert [item.text for item in hub.documents(Machine(workers=1)) if isinstance(item, Document)] == TEXTS * 2
    with pytest.raises(UserError, match=r"does not exist|matches no file"):
        read(folder, "none.jsonl")


def test_a_source_is_called_as_its_folder(tmp_path: Path) -> None:
    (tmp_path / "[2024] calls").mkdir()
    assert Files(kind="files", path=str(tmp_path / "[2024] calls" / "*.jsonl")).title == "[2024] calls"


@pytest.fixture
def own(tmp_path: Path) -> Machine:
    """A work folder beside a team's file, in which a run has left text."""
    machine = Machine(workers=1, work=tmp_path / "work")
    for file in ("work/artifacts/collect/1/documents/domain-00000.jsonl", "calls/a.jsonl"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_bytes(JSONL)
    return machine


def test_what_a_run_has_made_is_no_source(own: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("**/*.jsonl", "*/**/*.jsonl", "[cw]*/**/*.jsonl"):
        assert texts(read(tmp_path, path, own)) == TEXTS
    assert "**/*.jsonl: 1 files below the work folder" in caplog.text
    (tmp_path / "calls" / "link.jsonl").symlink_to(tmp_path / "work/artifacts/collect/1/documents/domain-00000.jsonl")
    (tmp_path / "calls" / "folder").symlink_to(tmp_path / "work")
    assert texts(read(tmp_path, "**/*.jsonl", own)) == TEXTS
    hub = Hub.model_validate({"kind": "hub", "dataset": "."}, context={"folder": str(tmp_path)})
    (tmp_path / "calls" / "link.jsonl").unlink()
    assert [entry["file"] for entry in hub.stamp(own)] == ["calls/a.jsonl"]


@pytest.mark.parametrize(
    "path",
    [
        "work/artifacts/collect/1/documents/domain-00000.jsonl", "work/**/*.jsonl", "link.jsonl",
        "folder/artifacts/**/*.jsonl",
        "calls/../work/artifacts/collect/1/documents/*.jsonl",
    ],
)  # fmt: skip
def test_what_a_run_has_made_is_refused_where_it_is_named(own: Machine, tmp_path: Path, path: str) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "work/artifacts/collect/1/documents/domain-00000.jsonl")
    (tmp_path / "folder").symlink_to("work")
    with pytest.raises(UserError, match="is below the work folder of the runs"):
        read(tmp_path, path, own)
    context = {"folder": str(tmp_path)}
    with pytest.raises(UserError, match="is below the work folder of the runs"):
        Crawl.model_validate({"kind": "crawl", "path": path}, context=context).stamp(own)
    if "*" not in path:
        with pytest.raises(UserError, match="is below the work folder of the runs"):
            Hub.model_validate({"kind": "hub", "dataset": path}, context=context).stamp(own)


def test_a_folder_of_ones_own_in_the_work_folder_may_be_named(own: Machine, tmp_path: Path) -> None:
    (tmp_path / "work" / "mine").mkdir()
    (tmp_path / "work" / "mine" / "b.jsonl").write_bytes(JSONL)
    assert texts(read(tmp_path, "work/mine/*.jsonl", own)) == TEXTS
    assert texts(read(tmp_path, "work/mine/b.jsonl", own)) == TEXTS
    assert read(tmp_path, "**/*.jsonl", own)[0].id.endswith("calls/a.jsonl:1")
    assert len(read(tmp_path, "**/*.jsonl", own)) == 3


@pytest.mark.parametrize("dataset", ["work", "work/artifacts", "folder"])
def test_a_work_folder_is_no_dataset(own: Machine, tmp_path: Path, dataset: str) -> None:
    (tmp_path / "folder").symlink_to("work")
    hub = Hub.model_validate({"kind": "hub", "dataset": dataset}, context={"folder": str(tmp_path)})
    with pytest.raises(UserError, match="is below the work folder of the runs"):
        hub.stamp(own)

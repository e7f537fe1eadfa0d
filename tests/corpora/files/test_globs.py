"""Which local files a glob takes: none that is hidden, none twice, none that a link takes from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpora.sources.files import Files
from domain.errors import UserError
from domain.machine import Machine
from tests.corpora.files.reading import JSONL, TEXTS, broken, read_documents, texts


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A folder below a hidden one, with one file."""
    folder = tmp_path / ".data" / "calls"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(JSONL)
    return folder


def names(path: str) -> list[str]:
    return [entry["file"] for entry in Files(kind="files", path=path).stamp(Machine())]


def test_hidden_files_are_taken_only_where_the_pattern_names_them(calls: Path) -> None:
    for name in (".x.jsonl", "._a.jsonl", ".DS_Store", "sub/.b.jsonl", ".git/c.jsonl", ".ipynb_checkpoints/d.jsonl"):
        (calls / name).parent.mkdir(exist_ok=True)
        (calls / name).write_bytes(JSONL)
    assert names(f"{calls}/*.jsonl") == ["a.jsonl"]
    assert names(f"{calls}/**/*.jsonl") == ["a.jsonl"]
    assert names(f"{calls}/.*.jsonl") == ["._a.jsonl", ".x.jsonl"]
    assert names(f"{calls}/.git/*.jsonl") == ["c.jsonl"]
    assert names(f"{calls}/.x.jsonl") == [".x.jsonl"]


def test_a_file_that_is_there_twice_is_read_once(calls: Path) -> None:
    (calls / "0.jsonl").symlink_to("a.jsonl")
    (calls / "b.jsonl").symlink_to(calls / "0.jsonl")
    os.link(calls / "a.jsonl", calls / "c.jsonl")
    assert names(f"{calls}/*.jsonl") == ["a.jsonl"]
    assert texts(read_documents(f"{calls}/*.jsonl")) == TEXTS


def test_a_link_out_of_the_folder_is_refused_and_one_that_is_named_is_followed(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "b.jsonl").write_bytes(JSONL)
    (calls / "more").symlink_to(tmp_path / "private")
    (calls / "b.jsonl").symlink_to(tmp_path / "private" / "b.jsonl")
    with pytest.raises(UserError, match="is a link that leads out of"):
        names(f"{calls}/*.jsonl")
    with pytest.raises(UserError, match="matches no file"):
        names(f"{calls}/*/*.jsonl")
    assert names(f"{calls}/more/*.jsonl") == ["b.jsonl"]  # named by its recipe
    assert names(f"{calls}/b.jsonl") == ["b.jsonl"]
    (tmp_path / "here").symlink_to(calls)
    (calls / "b.jsonl").unlink()
    assert names(f"{tmp_path}/here/*.jsonl") == ["a.jsonl"]


@pytest.mark.parametrize("path", ["*.jsonl", "p.jsonl"])
def test_what_is_no_regular_file_is_refused_without_waiting(calls: Path, path: str) -> None:
    os.mkfifo(calls / "p.jsonl")
    with pytest.raises(UserError, match="is not a regular file"):
        names(f"{calls}/{path}")


def test_a_link_to_nothing_is_quarantined(calls: Path) -> None:
    (calls / "b.jsonl").symlink_to("nowhere")
    items = read_documents(f"{calls}/*.jsonl")
    assert texts(items) == TEXTS
    assert len(broken(items)) <= 1
    (calls / "c.jsonl").symlink_to("c.jsonl")
    with pytest.raises(UserError, match="cannot be read"):
        read_documents(f"{calls}/*.jsonl")

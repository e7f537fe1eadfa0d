from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpora.document import Document
from corpora.files.dataset_folder import DatasetFolder
from corpora.sources.hub import Hub
from domain.errors import UserError
from domain.machine import Machine

RECORD = '{"text": "inside"}\n'


def texts(root: Path) -> list[str]:
    return [item.text for item in Hub(kind="hub", dataset=str(root)).documents(Machine()) if isinstance(item, Document)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside.jsonl").write_text('{"text": "outside"}\n')
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "train.jsonl").write_text('{"text": "outside"}\n')
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jsonl").write_text(RECORD)
    return tmp_path / "set"


@pytest.mark.parametrize("target", ["../outside.jsonl", "{root}/../outside.jsonl", "b", "../private/train.jsonl"])
def test_a_link_out_of_the_folder_is_refused(root: Path, target: str) -> None:
    (root / "b").symlink_to("../outside.jsonl")  # a link to a link
    (root / "c.jsonl").symlink_to(target.format(root=root))
    with pytest.raises(UserError, match=r"'c.jsonl' is a link that leads out of the dataset's folder"):
        texts(root)
    with pytest.raises(UserError, match=r"'c.jsonl' is a link that leads out of the dataset's folder"):
        Hub(kind="hub", dataset=str(root)).stamp(Machine())


def test_a_folder_that_is_a_link_is_passed_over(root: Path) -> None:
    (root / "more").symlink_to("../private")
    assert texts(root) == ["inside"]


def test_a_link_within_the_folder_is_read_and_stamped(root: Path) -> None:
    (root / "c.jsonl").symlink_to("a.jsonl")
    assert texts(root) == ["inside", "inside"]
    assert [entry["file"] for entry in Hub(kind="hub", dataset=str(root)).stamp(Machine())] == ["a.jsonl", "c.jsonl"]


@pytest.mark.parametrize("name", ["c.jsonl", "README.md"])
def test_what_is_no_regular_file_is_refused_without_waiting(root: Path, name: str) -> None:
    os.mkfifo(root / name)
    with pytest.raises(UserError, match="is not a regular file"):
        texts(root)


@pytest.mark.parametrize("target", ["c.jsonl", "nowhere"])
def test_a_link_to_nothing_is_one_line(root: Path, target: str) -> None:
    (root / "c.jsonl").symlink_to(target)
    with pytest.raises(UserError, match=r"'c.jsonl' cannot be read"):
        texts(root)


def test_a_readme_that_leads_out_is_not_read(root: Path) -> None:
    (root / "README.md").symlink_to("../outside.jsonl")
    with pytest.raises(UserError, match=r"'README.md' is a link that leads out"):
        texts(root)


def snapshot(tmp_path: Path) -> tuple[Path, Path]:
    """A dataset in the layout of the hub's cache: (snapshot, blobs)."""
    home = tmp_path / "datasets--org--x"
    (home / "blobs").mkdir(parents=True)
    (home / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (home / "blobs" / "b1").write_text(RECORD)
    (home / "snapshots" / ("0" * 40) / "a.jsonl").symlink_to("../../blobs/b1")
    return home / "snapshots" / ("0" * 40), home / "blobs"


def test_a_snapshot_of_the_hubs_cache_has_its_own_blobs(tmp_path: Path) -> None:
    here, blobs = snapshot(tmp_path)
    assert texts(here) == ["inside"]
    other, _ = snapshot(tmp_path / "other")
    (here / "b.jsonl").symlink_to(other.parent.parent / "blobs" / "b1")
    with pytest.raises(UserError, match=r"'b.jsonl' is a link that leads out"):
        texts(here)
    (here / "b.jsonl").unlink()
    (tmp_path / "outside.jsonl").write_text(RECORD)
    (blobs / "b2").symlink_to("../../outside.jsonl")
    (here / "b.jsonl").symlink_to("../../blobs/b2")
    with pytest.raises(UserError, match=r"'b.jsonl' is a link that leads out"):
        texts(here)


def test_blobs_that_are_a_link_are_none(tmp_path: Path) -> None:
    here, blobs = snapshot(tmp_path)
    blobs.rename(tmp_path / "elsewhere")
    blobs.symlink_to("../elsewhere")
    assert DatasetFolder(here, "here").names(Machine()) == ["a.jsonl"]
    with pytest.raises(UserError, match=r"'a.jsonl' is a link that leads out"):
        texts(here)

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from domain.manifest import Damaged, seal
from domain.verification import READ, Verifier


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts" / "curate" / "0123456789abcdef"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "domain-0.jsonl").write_text("a text")
    seal(folder, kind="Corpus", identity="i", facts={})
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose bytes were read."""
    import domain.verification

    folders: list[Path] = []
    verify = domain.verification.verify

    def counting(folder: Path) -> Any:
        folders.append(folder)
        return verify(folder)

    monkeypatch.setattr("domain.verification.verify", counting)
    return folders


def test_bytes_are_read_once_and_once_more_in_a_process_that_makes_something_of_them(
    artifact: Path, tmp_path: Path, reads: list[Path]
) -> None:
    def check(read: bool) -> int:
        assert Verifier(tmp_path / "verified").check(artifact, read=read)["kind"] == "Corpus"
        return len(reads)

    assert [check(False), check(False), check(True)] == [1, 1, 1]
    READ.clear()  # another process
    assert [check(False), check(True), check(True)] == [1, 2, 2]


def test_a_folder_that_was_moved_along_is_known_and_one_that_was_copied_is_read(
    artifact: Path, tmp_path: Path, reads: list[Path]
) -> None:
    Verifier(tmp_path / "verified").check(artifact)
    READ.clear()
    (tmp_path / "moved").mkdir()
    for name in ("artifacts", "verified"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    moved = tmp_path / "moved" / artifact.relative_to(tmp_path)
    Verifier(tmp_path / "moved" / "verified").check(moved)
    assert reads == [artifact]
    shutil.copytree(tmp_path / "moved", tmp_path / "copied")
    Verifier(tmp_path / "copied" / "verified").check(tmp_path / "copied" / artifact.relative_to(tmp_path))
    assert len(reads) == 2


@pytest.mark.parametrize("change", ["content", "longer", "gone", "more", "same bytes", "other file", "link"])
def test_whatever_is_written_is_noticed(artifact: Path, tmp_path: Path, reads: list[Path], change: str) -> None:
    verifier, file = Verifier(tmp_path / "verified"), artifact / "train" / "domain-0.jsonl"
    verifier.check(artifact)
    time = file.stat().st_mtime_ns
    if change == "content":
        file.write_text("b text")
    elif change == "longer":
        file.write_text("a text and more")
    elif change == "gone":
        file.unlink()
    elif change == "more":
        (artifact / "train" / "domain-1.jsonl").write_text("another")
    elif change == "same bytes":
        file.write_text("a text")
    elif change == "link":
        (tmp_path / "other").write_text("a text")
        file.unlink()
        file.symlink_to(tmp_path / "other")
    else:
        (tmp_path / "other").write_text("c text")
        os.replace(tmp_path / "other", file)
    if change not in ("gone", "link"):
        os.utime(file, ns=(time, time))
    if change == "same bytes":
        verifier.check(artifact)
    else:
        for _ in range(2):  # and what is damaged is not remembered
            with pytest.raises(Damaged, match="domain-"):
                verifier.check(artifact)
    assert len(reads) == 1 + {"same bytes": 1, "link": 0}.get(change, 2)


def test_without_a_manifest_or_a_place_to_remember(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "verified").write_text("no folder")
    verifier = Verifier(tmp_path / "verified")
    verifier.check(artifact)
    READ.clear()
    verifier.check(artifact)
    (artifact / "manifest.json").unlink()
    with pytest.raises(Damaged, match=r"no readable manifest\.json"):
        verifier.check(artifact)


@pytest.mark.parametrize(
    "content", [b"[]", b'{"state": []}', b'{"a": 1}', b"\xff", b"[" * 100_000, b'{"state": "../../x"}', b""]
)
def test_a_note_that_is_none_costs_a_reading(artifact: Path, tmp_path: Path, reads: list[Path], content: bytes) -> None:
    verifier = Verifier(tmp_path / "verified")
    verifier.check(artifact)
    verifier.record(artifact).write_bytes(content)
    READ.clear()
    assert verifier.check(artifact)["kind"] == "Corpus"
    assert len(reads) == 2


def test_an_artifact_that_is_a_link(artifact: Path, tmp_path: Path) -> None:
    artifact.rename(tmp_path / "elsewhere")
    artifact.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Damaged, match="is a link"):
        Verifier(tmp_path / "verified").check(artifact)

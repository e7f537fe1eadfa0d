from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from domain.manifest import MANIFEST, SCRATCH, Damaged, seal, verify, write_atomically


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("abc")
    (tmp_path / "sub" / "b.bin").write_bytes(bytes(range(256)))
    seal(tmp_path, kind="Raw", identity="i", facts={})
    return tmp_path


def test_a_sealed_folder_holds(folder: Path) -> None:
    manifest = verify(folder)
    # FIPS 180-2, appendix B.1: the SHA-256 of "abc"
    assert manifest["files"]["a.txt"]["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert manifest["files"]["sub/b.bin"]["bytes"] == 256


def test_the_digest_is_of_content_alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "sub").mkdir()
    (other / "sub" / "b.bin").write_bytes(bytes(range(256)))
    (other / "a.txt").write_text("abc")
    assert seal(other, kind="Other", identity="j", facts={"x": 1})["digest"] == verify(folder)["digest"]


def test_scratch_is_gone_after_sealing(tmp_path: Path) -> None:
    (tmp_path / SCRATCH).mkdir()
    (tmp_path / SCRATCH / "note").write_text("half")
    assert seal(tmp_path)["files"] == {}
    assert not (tmp_path / SCRATCH).exists()


def test_one_flipped_bit(folder: Path) -> None:
    data = bytearray((folder / "sub" / "b.bin").read_bytes())
    data[100] ^= 1
    (folder / "sub" / "b.bin").write_bytes(data)
    with pytest.raises(Damaged, match=r"sub/b\.bin"):
        verify(folder)


@pytest.mark.parametrize("harm", ["missing file", "extra file", "no manifest", "cut manifest", "other digest"])
def test_damage_is_seen(folder: Path, harm: str) -> None:
    manifest = folder / MANIFEST
    if harm == "missing file":
        (folder / "a.txt").unlink()
    elif harm == "extra file":
        (folder / "c.txt").write_text("more")
    elif harm == "no manifest":
        manifest.unlink()
    elif harm == "cut manifest":
        manifest.write_bytes(manifest.read_bytes()[:-20])
    else:
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "digest": "0" * 64}))
    with pytest.raises(Damaged):
        verify(folder)


def spoil(folder: Path, how: str) -> None:
    """Put something into a sealed folder that its manifest does not state, or that is no regular file."""
    outside = folder.parent / "outside"
    outside.mkdir()
    if how == "manifest below":
        (folder / "sub" / MANIFEST).write_text("{}")
    elif how == "file in scratch":
        (folder / SCRATCH).mkdir()
        (folder / SCRATCH / "state").write_text("planted")
    elif how == "FIFO":
        os.mkfifo(folder / "sub" / "fifo")
    elif how == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(folder / "s"))
    elif how == "link to a folder":
        (folder / "more").symlink_to(outside)
    elif how == "broken link":
        (folder / "more").symlink_to(outside / "nothing")
    else:  # the same bytes, elsewhere
        name = MANIFEST if how == "manifest elsewhere" else "a.txt"
        (folder / name).rename(outside / name)
        (folder / name).symlink_to(outside / name)


@pytest.mark.parametrize(
    "how",
    [
        "manifest below", "file in scratch", "FIFO", "socket", "link to a folder", "broken link",
        "same bytes elsewhere", "manifest elsewhere",
    ],
)  # fmt: skip
def test_only_regular_files_that_are_stated(tmp_path: Path, how: str) -> None:
    folder = tmp_path / "f"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("abc")
    seal(folder)
    verify(folder)
    spoil(folder, how)
    with pytest.raises(Damaged):
        verify(folder)


def test_a_folder_with_a_link_is_not_sealed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="is a link"):
        seal(tmp_path)


NOT_MANIFESTS = {
    "list": "[]",
    "files are a list": '{"files": [], "digest": "%s"}',
    "file is text": '{"files": {"a": "b"}, "digest": "%s"}',
    "no digest": '{"files": {}}',
    "digest is a number": '{"files": {}, "digest": 1}',
    "digest is a path": '{"files": {}, "digest": "../../../../../../../../../../../../../../../../../../../../../../"}',
    "hash is a path": '{"files": {"a": {"bytes": 1, "sha256": "../../x"}}, "digest": "%s"}',
    "hash in capitals": '{"files": {"a": {"bytes": 1, "sha256": "' + "A" * 64 + '"}}, "digest": "%s"}',
    "deep": '{"files": ' + "[" * 100_000,
    "binary": "\0" * 100,
    "surrogate": '{"files": {"\\ud800": {"bytes": 1, "sha256": "%s"}}, "digest": "%s"}',
}


@pytest.mark.parametrize("content", NOT_MANIFESTS.values(), ids=NOT_MANIFESTS)
def test_what_is_no_manifest_is_damage(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content.replace("%s", "0" * 64))
    with pytest.raises(Damaged):
        verify(tmp_path)


def test_a_link_is_replaced_and_not_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "note").symlink_to(tmp_path / "precious")
    write_atomically(tmp_path / "note", b"new")
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "note").is_symlink()
    assert (tmp_path / "note").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note", "precious"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "note").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "note", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_the_mode_follows_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "note", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "note").stat().st_mode & 0o777 == mode


def test_what_a_killed_write_left_is_not_sealed(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom domain.manifest import write_atomically\n"
        "os.fsync = lambda number: os._exit(9)\nwrite_atomically(Path(sys.argv[1]), b'half')"
    )
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    for folder in (whole, resumed):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "a").write_text("a")
    for path in (resumed / "facts.json", resumed / "sub" / "b"):
        assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    assert len(list(resumed.rglob("*.part"))) == 2
    assert seal(resumed)["digest"] == seal(whole)["digest"]
    assert verify(resumed)["files"].keys() == {"sub/a"}

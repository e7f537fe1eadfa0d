from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.manifest import MANIFEST, SCRATCH, Damaged, seal, verify


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

"""A checkpoint that somebody made runs no code and takes no memory: it is skipped, or refused in one line."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.errors import UserError
from domain.manifest import MANIFEST, Damaged, seal
from domain.training.state.metadata import METADATA, read_metadata
from domain.training.state.snapshot import restore_weights
from tests.domain.training.learner import fresh, kept_at


class Planted:
    """Makes a file where it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


def change(folder: Path, how: Callable[[Any], object]) -> None:
    """Change the metadata of a checkpoint and seal it again, as anybody can."""
    content = json.loads((folder / METADATA).read_text())
    how(content["tensors"])
    (folder / METADATA).write_text(json.dumps(content))
    (folder / MANIFEST).unlink()
    seal(folder)


def chunk(tensors: Any) -> Any:
    return tensors["model.table.weight"]["chunks"][0]


def twice(tensors: Any) -> None:
    for number in range(9):
        tensors[f"other.{number}"] = copy.deepcopy(tensors["model.table.weight"])


CHANGES: dict[str, Callable[[Any], object]] = {
    "a file elsewhere": lambda t: chunk(t).update(file="../../secret.distcp"),
    "an absolute file": lambda t: chunk(t).update(file="/etc/passwd"),
    "a file that is none": lambda t: chunk(t).update(file="__9_9.distcp"),
    "a state as data": lambda t: chunk(t).update(file="state.json"),
    "a list as file": lambda t: chunk(t).update(file=["__0_0.distcp"]),
    "bytes, which are a pickle": lambda t: t.update(a={"bytes": True}),
    "a type that is code": lambda t: t["model.table.weight"].update(dtype="os.system"),
    "a type of torch's that is none": lambda t: t["model.table.weight"].update(dtype="load"),
    "a tensor of terabytes": lambda t: t["model.table.weight"].update(size=[10**6, 10**6]),
    "a chunk of terabytes": lambda t: (
        t["model.table.weight"].update(size=[10**6, 10**6]),
        chunk(t).update(sizes=[10**6, 10**6]),
    ),
    "a chunk beyond the file": lambda t: chunk(t).update(begin=10**9),
    "negative": lambda t: chunk(t).update(begin=-1),
    "beyond 64 bits": lambda t: t["model.table.weight"].update(size=[2**64]),
    "fractions": lambda t: chunk(t).update(sizes=[7.0, 5.0]),
    "booleans": lambda t: chunk(t).update(offsets=[False, False]),
    "too many dimensions": lambda t: t["model.table.weight"].update(size=[1] * 100),
    "no chunk": lambda t: t["model.table.weight"].update(chunks=[]),
    "the same bytes many times": twice,
    "a list": lambda t: t.update(a=[]),
    "nothing": lambda t: t.update(a=None),
}


@pytest.mark.parametrize("how", CHANGES.values(), ids=CHANGES)
def test_metadata_that_cannot_be_of_a_checkpoint(tmp_path: Path, how: Callable[[Any], object]) -> None:
    kept_at(tmp_path, 1, 2)
    change(tmp_path / "step-000000002", how)
    with pytest.raises(Damaged, match="is not the metadata of a checkpoint"):
        read_metadata(tmp_path / "step-000000002")
    back = fresh(tmp_path)[2].load()
    assert back is not None
    assert back.step == 1


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"tensors": []}', b'{"tensors": 1}', b"[" * 100_000, b"\x80\x04."])
@pytest.mark.parametrize("name", [METADATA, "state.json"])
def test_json_that_is_no_such_mapping(tmp_path: Path, name: str, content: bytes) -> None:
    kept_at(tmp_path, 1, 2)
    (tmp_path / "step-000000002" / name).write_bytes(content)
    (tmp_path / "step-000000002" / MANIFEST).unlink()
    seal(tmp_path / "step-000000002")
    back = fresh(tmp_path)[2].load()
    assert back is not None
    assert back.step == (2 if name == "state.json" and content.startswith(b"{") else 1)


def test_a_pickle_beside_it_is_not_opened(tmp_path: Path) -> None:
    kept_at(tmp_path, 1)
    folder = tmp_path / "step-000000001"
    (folder / ".metadata").write_bytes(pickle.dumps(Planted(tmp_path / "ran")))
    (folder / MANIFEST).unlink()
    seal(folder)
    assert fresh(tmp_path)[2].load() is not None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["planted", "planted in a saved tensor", "other shape", "text", "cut"])
def test_data_that_are_no_tensors(tmp_path: Path, kind: str) -> None:
    kept_at(tmp_path, 1)
    folder = tmp_path / "step-000000001"
    data, planted = folder / "__0_0.distcp", Planted(tmp_path / "ran")
    size = data.stat().st_size
    if kind == "planted":
        data.write_bytes(pickle.dumps(planted))
    elif kind == "planted in a saved tensor":
        torch.save({"a": planted}, data)
    elif kind == "other shape":
        torch.save(torch.zeros(2, 9), data)
    elif kind == "cut":
        data.write_bytes(data.read_bytes()[: size // 20])
    else:
        data.write_bytes(b"x")
    data.write_bytes(data.read_bytes().ljust(size, b"\0"))
    (folder / MANIFEST).unlink()
    seal(folder)
    for call in (fresh(tmp_path)[2].load, lambda: restore_weights(folder, fresh(tmp_path)[0])):
        with pytest.raises(UserError, match=r"step-000000001: holds what cannot be restored"):
            call()  # type: ignore[operator]
    assert not (tmp_path / "ran").exists()


def test_names_that_are_no_steps(tmp_path: Path) -> None:
    kept_at(tmp_path, 1)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").write_text("mine")
    for name in ("step-", "step-x", "step-000000002x", "step-²²²²²²²²²", "step--00000001", "step-1", "other"):
        shutil.copytree(tmp_path / "step-000000001", tmp_path / name)
    (tmp_path / ".step-000000009").symlink_to(tmp_path / "home")
    (tmp_path / ".note").write_text("")
    back = fresh(tmp_path)[2].load()
    assert back is not None
    assert back.step == 1
    assert (tmp_path / "home" / "precious").read_text() == "mine"
    assert not list(tmp_path.glob(".*"))
    shutil.rmtree(tmp_path / "home")
    assert {*(path.name for path in tmp_path.glob("step-*"))} >= {"step-000000001", "step-x"}

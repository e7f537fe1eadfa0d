"""No death and no damage makes a half checkpoint count; the one before it is used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.manifest import Damaged, verify
from domain.training.state import checkpoints, storage
from domain.training.state.checkpoints import Checkpoints, Saved
from tests.domain.training.learner import adamw, differ, flip, fresh, held, kept_at, learn, steps

ALL = ["__0_0.distcp", "manifest.json", "metadata.json", "state.json"]


def test_with_wait_it_is_on_the_disk_at_return(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is synced with all its bytes, then its folder, then it is renamed, then what it is in is synced."""
    did: list[tuple[str, int, int]] = []
    fsync, rename = os.fsync, os.rename

    def note(what: str, found: os.stat_result) -> None:
        did.append((what, found.st_ino, found.st_size))

    monkeypatch.setattr(os, "fsync", lambda number: (note("sync", os.fstat(number)), fsync(number)))
    monkeypatch.setattr(os, "rename", lambda old, new: (note("rename", os.stat(old)), rename(old, new)))
    model = torch.nn.Linear(1, 1)  # so small that its metadata are in a buffer when torch syncs them
    kept = Checkpoints(tmp_path, model, adamw(model))
    did.clear()
    kept.save(3, {}, wait=True)
    folder = tmp_path / "step-000000003"
    assert {path.name for path in folder.iterdir()} == {*ALL}
    verify(folder)
    renamed = next(n for n, (what, inode, _) in enumerate(did) if (what, inode) == ("rename", folder.stat().st_ino))
    synced = [(inode, size) for what, inode, size in did[:renamed] if what == "sync"]
    assert {(path.stat().st_ino, path.stat().st_size) for path in folder.iterdir()} <= {*synced}
    assert synced[-1][0] == folder.stat().st_ino
    assert tmp_path.stat().st_ino in [inode for what, inode, _ in did[renamed:] if what == "sync"]


def test_a_step_that_is_kept_again_takes_the_place(tmp_path: Path) -> None:
    model, optimizer = kept_at(tmp_path, 1, 2)
    with Checkpoints(tmp_path, model, optimizer) as kept:
        kept.save(2, {"of": "again"})
    assert fresh(tmp_path)[2].load() == Saved(2, {"of": "again"}, {})
    assert steps(tmp_path) == [1, 2]


class Killed(BaseException):
    """Stands for a death: nothing is tidied up on its way."""


def half(tensors: Any, folder: Path, group: Any) -> None:
    """Die with a part of the data written."""
    folder.mkdir()
    (folder / "__0_0.distcp").write_bytes(b"PK")
    raise Killed


def die(*_: Any) -> None:
    raise Killed


RENAME = os.rename


def die_at_the_last_rename(old: Path, new: Path) -> None:
    if Path(new).name.startswith("step-"):
        raise Killed
    RENAME(old, new)


@pytest.mark.parametrize(
    ("place", "name", "harm", "left"),
    [
        (checkpoints, "write", half, ["__0_0.distcp"]),
        (storage, "write_json", die, ["__0_0.distcp", "metadata.json"]),
        (storage, "seal", die, ["__0_0.distcp", "metadata.json", "state.json"]),
        (os, "rename", die_at_the_last_rename, ALL),
    ],
    ids=["in the data", "before the state", "before the manifest", "before the rename"],
)
def test_killed_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, harm: Any, left: list[str]
) -> None:
    model, optimizer = kept_at(tmp_path, 1)
    then = held(model, optimizer)
    learn(model, optimizer, 1)
    kept = Checkpoints(tmp_path, model, optimizer)
    with monkeypatch.context() as patch:
        patch.setattr(place, name, harm)
        kept.save(2, {})
        with pytest.raises(Killed):
            kept.finish()
    assert sorted(path.name for path in (tmp_path / ".step-000000002").iterdir()) == left
    again, resumed, kept = fresh(tmp_path)
    back = kept.load()
    assert back is not None
    assert (back.step, differ(held(again, resumed), then)) == (1, [])
    assert steps(tmp_path) == [1]


def test_a_process_that_dies_before_the_rename(tmp_path: Path) -> None:
    model, optimizer = kept_at(tmp_path, 1)
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "from domain.training.state import storage\n"
        "from domain.training.state.checkpoints import Checkpoints\n"
        "from tests.domain.training.learner import adamw, tiny\n"
        "seal = storage.seal\n"
        "storage.seal = lambda folder: (seal(folder), os._exit(9))\n"
        "model = tiny(seed=1)\n"
        f"Checkpoints(Path({str(tmp_path)!r}), model, adamw(model)).save(2, {{}}, wait=True)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[4]).returncode == 9
    assert sorted(path.name for path in (tmp_path / ".step-000000002").iterdir()) == ALL
    again, resumed, kept = fresh(tmp_path)
    back = kept.load()
    assert back is not None
    assert (back.step, differ(held(again, resumed), held(model, optimizer))) == (1, [])
    assert steps(tmp_path) == [1]


@pytest.mark.parametrize("name", ["__0_0.distcp", "metadata.json", "state.json", "manifest.json"])
def test_one_flipped_bit(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    kept_at(tmp_path, 1, 2, 3)
    flip(tmp_path / "step-000000003" / name)
    again, _, kept = fresh(tmp_path)
    back = kept.load()
    assert back is not None
    assert (back.step, back.state, again.bias.item()) == (2, {"of": 2}, 2.0)
    told = [line for line in caplog.messages if "damaged" in line]
    assert len(told) == 1
    assert "step-000000003 is damaged, using the previous one" in told[0]
    kept.save(3, {}, wait=True)  # it comes by that step again
    caplog.clear()
    assert fresh(tmp_path)[2].load() == Saved(3, {}, {})
    assert "damaged" not in caplog.text


def test_where_all_are_damaged_there_is_none(tmp_path: Path) -> None:
    kept_at(tmp_path, 1, 2)
    for folder in list(tmp_path.iterdir()):
        flip(folder / "__0_0.distcp")
    assert fresh(tmp_path)[2].load() is None
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["damaged-step-000000001", "damaged-step-000000002"]


@pytest.mark.parametrize(
    ("anchors", "left"),
    [((), [5, 6]), ((2,), [2, 5, 6]), ((2, 4), [4, 5, 6]), ((2, 5), [5, 6]), ((6,), [5, 6])],
)
def test_the_newest_two_and_the_newest_anchor_stay(tmp_path: Path, anchors: tuple[int, ...], left: list[int]) -> None:
    kept_at(tmp_path, 1, 2, 3, 4, 5, 6, anchors=anchors, kept=2)
    assert steps(tmp_path) == left
    assert fresh(tmp_path)[2].anchor() == (max(anchors) if anchors else None)


def test_back_to_an_anchor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What came later is gone, so that a training that dies on its new way does not wake on the old one."""
    kept_at(tmp_path, 1, 2, 3, 4, anchors=(1, 2, 3))
    flip(tmp_path / "step-000000003" / "__0_0.distcp")
    again, _, kept = fresh(tmp_path)
    assert kept.load() is not None
    assert again.bias.item() == 4
    assert kept.anchor() == 2
    assert "step-000000003 is damaged" in caplog.text
    with pytest.raises(Damaged):
        kept.load(3)
    assert again.bias.item() == 4
    back = kept.load(2)
    assert back is not None
    assert (back.step, again.bias.item()) == (2, 2.0)
    assert steps(tmp_path) == [1, 2]


def test_a_step_that_is_not_there(tmp_path: Path) -> None:
    kept_at(tmp_path, 1)
    with pytest.raises(Damaged):
        fresh(tmp_path)[2].load(2)
    assert steps(tmp_path) == [1]


@pytest.mark.parametrize("links", [True, False])
def test_what_lasts_outlives_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:

        def refused(*_: Any) -> None:
            raise PermissionError("no links here")

        monkeypatch.setattr(os, "link", refused)
    here, lasting = tmp_path / "here", tmp_path / "lasting"
    model, optimizer, _ = fresh(here)
    with Checkpoints(here, model, optimizer, keep=1, lasting=lasting) as kept:
        for step in (1, 2, 3, 2):  # after going back a step is saved anew
            kept.save(step, {"of": step}, lasts=step == 2)
    assert steps(here) == [3]
    assert steps(lasting) == [2]
    assert [path.name for path in lasting.iterdir()] == ["step-000000002"]
    verify(lasting / "step-000000002")
    shutil.rmtree(here)
    assert fresh(lasting)[2].load() == Saved(2, {"of": 2}, {})

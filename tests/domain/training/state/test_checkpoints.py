"""Checkpoints are written behind the training's back, say what went wrong, and open on another number of ranks."""

from __future__ import annotations

import errno
import resource
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.training.state import checkpoints, snapshot, storage
from domain.training.state.checkpoints import Checkpoints
from tests.domain.training.learner import adamw, differ, flip, fresh, held, kept_at, learn, steps, trained
from tests.domain.training.two import work


def test_what_is_learned_after_save_returns_is_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, optimizer = trained()
    then = held(model, optimizer)
    state, window, go_on = {"seen": [1]}, torch.zeros(3), threading.Event()
    write = checkpoints.write
    monkeypatch.setattr(checkpoints, "write", lambda *given: (go_on.wait(), write(*given)))
    with Checkpoints(tmp_path, model, optimizer) as kept:
        kept.save(3, state, tensors={"window": window})
        assert steps(tmp_path) == []  # nothing is written yet, and the training goes on
        learn(model, optimizer, 2)
        state["seen"].append(2)
        window.fill_(7)
        go_on.set()
    again, resumed, kept = fresh(tmp_path)
    back = kept.load()
    assert back is not None
    assert differ(held(again, resumed), then) == []
    assert (back.state, back.tensors["window"].tolist()) == ({"seen": [1]}, [0, 0, 0])


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first: their copies are in the same memory."""
    model, optimizer = trained()
    write, begun = checkpoints.write, threading.Event()
    monkeypatch.setattr(checkpoints, "write", lambda *given: (begun.wait(), write(*given)))
    with Checkpoints(tmp_path, model, optimizer) as kept:
        kept.save(1, {})
        then = held(model, optimizer)
        learn(model, optimizer, 1)
        threading.Timer(0.2, begun.set).start()
        kept.save(2, {})
        assert storage.number(max(tmp_path.glob("step-*"))) >= 1
    again, resumed, kept = fresh(tmp_path)
    kept.load(1)
    assert differ(held(again, resumed), then) == []


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "somewhere")


@pytest.mark.parametrize(("where", "name"), [(snapshot.FileSystemWriter, "write_data"), (storage, "seal")])
@pytest.mark.parametrize("met", ["at the next save", "at the end"])
def test_a_full_disk_is_told_to_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, met: str
) -> None:
    model, optimizer = kept_at(tmp_path, 1)
    kept = Checkpoints(tmp_path, model, optimizer)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, full)
        kept.save(2, {})
        with pytest.raises(OSError, match="No space left") as error:
            kept.save(3, {}) if met == "at the next save" else kept.finish()
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, "somewhere")
    assert steps(tmp_path) == [1]  # what was begun is gone, the one before is not
    kept.save(4, {}, wait=True)  # told once; there is room again
    assert steps(tmp_path) == [1, 4]


def test_a_file_that_the_system_cuts_short(tmp_path: Path) -> None:
    """What torch says of it is that a position is unexpected; it is an error of the system all the same."""
    model = torch.nn.Linear(500, 500)
    kept = Checkpoints(tmp_path, model, adamw(model))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # of 1 MB
    try:
        with pytest.raises(OSError, match="File too large"):
            kept.save(1, {}, wait=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert steps(tmp_path) == []


def test_the_error_that_ended_the_training_is_the_one_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "seal", full)
    model, optimizer = trained(1)

    def train(loss: float) -> None:
        with Checkpoints(tmp_path, model, optimizer) as kept:
            kept.save(1, {})
            _ = 1 / loss

    with pytest.raises(ZeroDivisionError):
        train(loss=0.0)
    with pytest.raises(OSError, match="No space"):
        train(loss=1.0)


def test_a_state_that_is_no_json_is_told_at_once(tmp_path: Path) -> None:
    model, optimizer = trained(1)
    with pytest.raises(TypeError, match="JSON"):
        Checkpoints(tmp_path, model, optimizer).save(1, {"path": tmp_path})
    assert steps(tmp_path) == []


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, torch.Tensor]]:
    """What two ranks saw and left, and what one process had kept for them."""
    folder = tmp_path_factory.mktemp("two")
    single = held(*kept_at(folder / "single", 7))
    kept_at(folder / "damaged", 1, 2)
    flip(folder / "damaged" / "step-000000002" / "__0_0.distcp")
    torch.multiprocessing.spawn(work, (folder,), nprocs=2)
    return folder, torch.load(folder / "seen.pt", weights_only=True), single


def test_two_ranks_keep_and_one_goes_on(two: Any) -> None:
    folder, seen, _ = two
    assert len(list((folder / "sharded" / "step-000000003").glob("*.distcp"))) == 2  # each rank wrote
    again, resumed, kept = fresh(folder / "sharded")
    back = kept.load()
    assert (back.step, back.state, back.tensors["window"].tolist()) == (3, {"of": "two"}, [0, 1, 2, 3])
    assert differ(held(again, resumed), seen["sharded"]) == []
    assert seen["sharded"]["table.weight/step"].item() == 3
    assert torch.equal(torch.rand(3), seen["drawn"][0])


def test_one_keeps_and_two_ranks_go_on(two: Any) -> None:
    folder, seen, single = two
    assert differ(seen["single to sharded"], single) == []
    assert differ(seen["single to replicated"], single) == []
    again, resumed, kept = fresh(folder / "replicated")
    kept.load()
    assert differ(held(again, resumed), single) == []


@pytest.mark.parametrize("copies", ["1", "2"])
def test_two_ranks_keep_and_two_go_on(two: Any, copies: str) -> None:
    folder, seen, _ = two
    assert differ(seen[copies], seen["sharded"]) == []
    assert not torch.equal(*seen["drawn"])
    assert [drawn.tolist() for drawn in seen[f"{copies} drawn"]] == [drawn.tolist() for drawn in seen["drawn"]]
    again, resumed, kept = fresh(folder / "copies")
    kept.load()
    assert differ(held(again, resumed), seen["sharded"]) == []


def test_all_ranks_choose_alike_and_are_told_alike(two: Any) -> None:
    folder, seen, _ = two
    assert seen["after damage"] == [1, 1]
    assert seen["full"] == [errno.ENOSPC, errno.ENOSPC]  # it was the second's disk
    assert steps(folder / "full") == []

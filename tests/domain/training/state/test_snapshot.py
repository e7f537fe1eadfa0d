"""All that a training is comes back from its checkpoint, to the bit and under the names of the bare model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

from domain.errors import UserError
from domain.training.state import snapshot
from domain.training.state.checkpoints import Checkpoints, Saved
from tests.domain.training.learner import adamw, differ, fresh, held, kept_at, learn, same, tiny


@pytest.mark.parametrize("fused", [True, False])
def test_all_comes_back_to_the_bit_and_goes_on_alike(tmp_path: Path, fused: bool) -> None:
    model = tiny()
    optimizer = adamw(model, fused=fused)
    learn(model, optimizer, 3)
    state = {"tokens": 3 << 40, "loss": 0.1, "names": ["a", {"b": None}]}
    window = torch.tensor([[0.1, float("nan")], [-0.0, float("inf")]], dtype=torch.float64)
    with Checkpoints(tmp_path / "kept", model, optimizer) as kept:
        kept.save(3, state, tensors={"window": window, "taken": torch.tensor(2)})
    then = held(model, optimizer)
    learn(model, optimizer, 3)  # draws ids and dropout

    again = tiny(seed=9)
    resumed = adamw(again, fused=fused)
    back = Checkpoints(tmp_path / "kept", again, resumed).load()
    assert isinstance(back, Saved)
    assert (back.step, back.state, sorted(back.tensors)) == (3, state, ["taken", "window"])
    assert same(back.tensors["window"], window)
    assert back.tensors["taken"].item() == 2
    assert differ(held(again, resumed), then) == []
    assert then["table.weight/step"].item() == 3
    learn(again, resumed, 3)
    assert differ(held(again, resumed), held(model, optimizer)) == []


def test_without_a_checkpoint_nothing_changes(tmp_path: Path) -> None:
    model, optimizer, kept = fresh(tmp_path)
    before, drawn = held(model, optimizer), torch.get_rng_state()
    assert kept.load() is None
    assert kept.anchor() is None
    assert differ(held(model, optimizer), before) == []
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_shared_weight_is_kept_once_and_stays_shared(tmp_path: Path) -> None:
    model, optimizer = kept_at(tmp_path, 1)
    assert [name for name in snapshot.weights(model) if "weight" in name] == [
        "table.weight", "body.0.weight", "body.3.weight",
    ]  # fmt: skip
    again, resumed, kept = fresh(tmp_path)
    kept.load()
    assert again.head.weight is again.table.weight
    assert differ(held(again, resumed), held(model, optimizer)) == []


@pytest.mark.parametrize("learned", ["none", "some"])
def test_moments_that_are_not_there_yet(tmp_path: Path, learned: str) -> None:
    """At step 0 no parameter has any; where new rows learn first, only some have."""
    model = tiny()
    optimizer = adamw(model)
    if learned == "some":
        model.body.requires_grad_(False)
        learn(model, optimizer, 2)
        model.body.requires_grad_(True)
    with Checkpoints(tmp_path, model, optimizer) as kept:
        kept.save(0, {})
    then = held(model, optimizer)
    assert [name for name in then if name.endswith("/step")] == (
        [] if learned == "none" else ["bias/step", "table.weight/step"]
    )
    again, resumed, kept = fresh(tmp_path)
    learn(again, resumed, 1)  # as at a roll-back, where all have some by now
    moment = resumed.state[again.bias]["exp_avg"]
    kept.load()
    assert differ(held(again, resumed), then) == []
    if learned == "some":
        assert resumed.state[again.bias]["exp_avg"] is moment  # no memory for another is taken


def test_frozen_parameters(tmp_path: Path) -> None:
    """As in LoRA: they are no part of the optimizer, and they come back."""
    model = tiny()
    model.table.requires_grad_(False)
    optimizer = adamw(model)
    learn(model, optimizer, 2)
    with Checkpoints(tmp_path, model, optimizer) as kept:
        kept.save(2, {})
    again = tiny(seed=9)
    again.table.requires_grad_(False)
    resumed = adamw(again)
    Checkpoints(tmp_path, again, resumed).load()
    assert differ(held(again, resumed), held(model, optimizer)) == []
    assert not again.table.weight.requires_grad


def test_names_are_those_of_the_bare_model() -> None:
    wrapped = tiny()
    wrapped.body[0] = torch.compile(wrapped.body[0])  # type: ignore[assignment]
    wrapped.body[3] = checkpoint_wrapper(wrapped.body[3])
    assert list(snapshot.weights(torch.compile(wrapped))) == list(snapshot.weights(tiny()))  # type: ignore[arg-type]
    assert "_" not in "".join(snapshot.weights(wrapped))


@pytest.mark.parametrize("change", ["another size", "another name", "another precision"])
def test_another_model_is_refused(tmp_path: Path, change: str) -> None:
    kept_at(tmp_path, 1)
    other = tiny(tied=change != "another name")
    if change == "another size":
        other.body[0] = torch.nn.Linear(5, 4)
    if change == "another precision":
        other.bfloat16()
    found = {
        "another size": r"2 tensors differ, for example body\.0\.bias",
        "another name": r"1 tensors differ, for example head\.weight",
    }
    with pytest.raises(UserError, match=found.get(change, "another model")):
        Checkpoints(tmp_path, other, adamw(other)).load()


@pytest.mark.gpu
def test_on_a_gpu(tmp_path: Path) -> None:
    """Dropout draws from the GPU's generator, and the copies lie in pinned memory."""
    model = tiny().cuda()
    optimizer = adamw(model)
    learn(model, optimizer, 3)
    kept = Checkpoints(tmp_path, model, optimizer)
    kept.save(3, {}, wait=True)
    assert kept.host.copies["model.table.weight"].is_pinned()
    drawn = torch.rand(3, device="cuda")
    learn(model, optimizer, 2)
    again = tiny(seed=9).cuda()
    resumed = adamw(again)
    Checkpoints(tmp_path, again, resumed).load()
    assert torch.equal(torch.rand(3, device="cuda"), drawn)
    learn(again, resumed, 2)
    assert differ(held(again, resumed), held(model, optimizer)) == []

"""What a work folder holds out is part of a corpus's identity, and the finished corpus is found again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from corpora import Curation, curate
from corpora.heldout.entries import FOLDER
from corpora.heldout.history import History
from domain.artifacts import Protected
from domain.machine import Machine
from tests.corpora.fates import where

SHARES = {"validation": 0.2, "test": 0.2}


@pytest.fixture
def parents(raw: Any, protected: Any, prose: Callable[..., str], tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """``parents(name)``: Raw of 40 documents of its own, and no protected texts."""
    tasks: Protected = protected(tmp_path / "tasks", [])

    def make(name: str) -> dict[str, Any]:
        return {"raw": raw([{"id": f"{name}{i}", "text": prose((name, i))} for i in range(40)]), "protected": tasks}

    return make


def spec(**settings: Any) -> Curation:
    return Curation.model_validate({"filters": [], "holdout": SHARES, **settings})


def test_two_runs_of_one_identity_give_one_digest_and_a_finished_one_is_found(parents: Any, tmp_path: Path) -> None:
    one, two = parents("one"), parents("two")
    corpora = {}
    for folder in ("a", "b"):
        machine = Machine(work=tmp_path / folder, workers=1)
        asked = curate.request(spec(), one, machine)
        first = curate(spec(), **one, out=tmp_path / f"{folder}1", machine=machine)
        assert first.identity == asked == curate.request(spec(), one, machine)
        alone = curate.request(spec(), two, Machine(work=tmp_path / "empty"))
        second = curate(spec(), **two, out=tmp_path / f"{folder}2", machine=machine)
        assert second.identity == curate.request(spec(), two, machine) != alone
        assert curate.request(spec(), one, machine) == first.identity
        again = curate(spec(), **one, out=tmp_path / f"{folder}3", machine=machine)  # it was lost, say
        assert (again.identity, again.digest) == (first.identity, first.digest)
        corpora[folder] = [(each.identity, each.digest) for each in (first, second)]
    assert corpora["a"] == corpora["b"]


def test_a_hold_out_that_is_named_as_changed_asks_for_the_same(parents: Any, tmp_path: Path) -> None:
    one, machine = parents("one"), Machine(work=tmp_path / "work")
    named = spec(holdout={**SHARES, "changed": True})
    assert curate.request(named, one, machine) == curate.request(spec(), one, machine)


def test_a_run_that_was_killed_or_refused_holds_nothing_out(
    parents: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, machine = parents("one"), Machine(work=tmp_path / "work", workers=1)
    asked = curate.request(spec(), one, machine)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(History, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            curate(spec(), **one, out=tmp_path / "out", machine=machine)
    with monkeypatch.context() as patched:
        patched.setattr(import_module("corpora.curate"), "refuse_empty", killed)
        with pytest.raises(KeyboardInterrupt):
            curate(spec(), **one, out=tmp_path / "out2", machine=machine)
    assert not (tmp_path / "work" / FOLDER).exists()
    shutil.rmtree(tmp_path / "out")
    assert curate(spec(), **one, out=tmp_path / "out", machine=machine).identity == asked


def test_two_recipes_obey_each_other(parents: Any, tmp_path: Path) -> None:
    """The second holds out more of the same text; the first one's next corpus has it in no training text."""
    one, machine = parents("one"), Machine(work=tmp_path / "work", workers=1)
    first = where(curate(spec(), **one, out=tmp_path / "1", machine=machine))
    wide = spec(holdout={"validation": 0.3, "test": 0.3})
    second = where(curate(wide, **one, out=tmp_path / "2", machine=machine))
    third = where(curate(spec(dedup=["exact"]), **one, out=tmp_path / "3", machine=machine))
    held_out = {name for name in first if {first[name], second[name]} & {"validation", "test"}}
    assert {name for name in first if first[name] == "train"} & held_out
    assert {name for name, split in third.items() if split in ("validation", "test")} == held_out
    fourth = where(curate(wide, **one, out=tmp_path / "4", machine=machine))  # found again as it was
    assert fourth == second

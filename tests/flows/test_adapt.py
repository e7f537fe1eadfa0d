"""The way is the design's: its stages, in the order in which a document travels them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from flows.adapt import adapt
from flows.recipe.recipe import load_recipe
from flows.records import summary
from flows.run.stages import STAGES, beyond

ORDER = [
    "protect", "collect", "curate", "tokenizer", "encode", "describe", "base", "pretrain", "evaluate", "decide",
]  # fmt: skip


class Made:
    """Stands for every artifact; ``released`` is what the decision says."""

    def __init__(self, stage: str, released: bool) -> None:
        self.stage, self.facts = stage, {"released": released}


@pytest.mark.parametrize("released", [False, True])
def test_the_order_and_the_parents(command: Any, released: bool) -> None:
    calls: list[tuple[str, str, dict[str, str]]] = []

    def runner(made_by: Any, spec: Any, parents: Any = MappingProxyType({}), *, label: str = "") -> Any:
        calls.append((made_by.name, label, {name: parent.stage for name, parent in parents.items()}))
        return Made(label or made_by.name, released)

    release = adapt(load_recipe("quickstart"), command.day, runner)
    names = list(dict.fromkeys(name for name, _, _ in calls))
    assert names == [*ORDER, *(["release"] if released else [])]
    assert (release is not None) is released  # no release where the gates do not pass
    assert [label for _, label, _ in calls if label] == ["adapted", "control"]
    parents = {label or name: parents for name, label, parents in calls}
    assert parents["adapted"] == parents["control"] == {"base": "base", "tokens": "encode"}
    models = {"base": "base", "adapted": "adapted", "control": "control"}
    assert parents["evaluate"] == {"corpus": "curate", "tokenizer": "tokenizer", **models}
    assert parents["decide"] == {"scorecard": "evaluate"}


def test_every_stage_has_its_place() -> None:
    optional = ["grid_pilot", "choose", "tokenizer_pilot", "tokenizer_verdict", "tune"]
    assert [stage for stage in STAGES if stage not in optional] == [*ORDER, "release"]


def test_beyond() -> None:
    assert [stage for stage in STAGES if not beyond(stage, "curate")] == ["protect", "collect", "curate"]


def test_a_summary_of_what_is_not_there_yet() -> None:
    shown = summary({})
    assert {shown[key] for key in ("release", "corpus", "tokenizer", "scores", "decision")} == {None}

"""The way is the design's: its stages, in the order in which a document travels them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from flows.adapt import adapt, summary
from flows.recipe.recipe import load_recipe
from flows.run.stages import STAGES, beyond


class Told:
    facts = {"released": False}  # noqa: RUF012


def test_the_order(command: Any) -> None:
    asked: list[tuple[str, str]] = []

    def runner(made_by: Any, spec: Any, parents: Any = MappingProxyType({}), *, label: str = "") -> Any:
        asked.append((made_by.name, label))
        return Told()

    assert adapt(load_recipe("quickstart"), command.day, runner) is None  # no release where gates do not hold
    names = list(dict.fromkeys(name for name, _ in asked))
    optional = (
        "grid_pilot",
        "choose",
        "tokenizer_pilot",
        "tokenizer_verdict",
        "tune",
    )  # a grid, an extension and orders ask for them
    assert names == [stage for stage in STAGES[: STAGES.index("release")] if stage not in optional]
    assert [label for _, label in asked if label] == ["adapted", "control"]
    Told.facts = {"released": True}
    asked.clear()
    adapt(load_recipe("quickstart"), command.day, runner)
    assert asked[-1][0] == "release"


def test_beyond() -> None:
    assert [stage for stage in STAGES if not beyond(stage, "curate")] == ["protect", "collect", "curate"]


def test_a_summary_of_what_is_not_there_yet() -> None:
    shown = summary({})
    assert {shown[key] for key in ("release", "corpus", "tokenizer", "scores", "decision")} == {None}

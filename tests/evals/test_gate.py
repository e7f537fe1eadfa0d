from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from domain.artifacts import Scorecard
from domain.manifest import seal, write_json
from domain.release.decision import DecisionRecord
from evals.gate import Gates, decide

GOOD = (-0.15, [-0.16, -0.14])
FITTED = {"measures": {"size": 300}, "verdict": None}
GATES = Gates(domain_gain=0.02, general_loss=0.01)

NOTHING = {"documents": 0, "ngrams": 0, "in_training": 0, "share": 0.0}


def part(from_base: Any, from_control: Any, units: int = 60) -> dict[str, Any]:
    return {
        "base": 2.5, "control": 2.4, "adapted": 2.0, "change": from_base[0], "interval": from_base[1],
        "change_from_control": from_control[0], "interval_from_control": from_control[1],
        "units": units, "documents": 70, "bytes": 9_000, "sources": {}, "years": {},
        "overlap": {"words": 13, "total": NOTHING, "sources": {}, "new_text": []},
    }  # fmt: skip


def decided(folder: Path, domain: dict[str, Any], general: dict[str, Any], gates: Gates = GATES) -> Any:
    (folder / "scores").mkdir(parents=True)
    write_json(folder / "scores" / "scores.json", {"domain": domain, "general": general})
    write_json(folder / "scores" / "tokenizer.json", FITTED)
    fields = {"stage": "evaluate", "version": 1, "kind": "Scorecard", "spec": {}, "parents": {}, "facts": {}}
    seal(folder / "scores", identity="by-hand", **fields)
    return decide(gates, scorecard=Scorecard.open(folder / "scores"), out=folder / "decision")


KEPT = part((-0.01, [-0.02, 0.0]), (0.5, [0.4, 0.6]))  # general text is judged against the base alone


@pytest.mark.parametrize(
    ("from_control", "holds"),
    [
        ((-0.15, [-0.16, -0.14]), True),
        ((-0.02, [-0.03, -0.001]), True),  # just what is asked, clear of zero
        ((-0.0199, [-0.03, -0.01]), False),  # not enough
        ((-0.05, [-0.11, 0.0]), False),  # not clear of zero
        ((0.03, [0.02, 0.04]), False),
    ],
)
def test_the_gain_on_domain_text(tmp_path: Path, from_control: Any, holds: bool) -> None:
    worse_than_base = (0.9, [0.8, 1.0])  # the gain is judged against the control alone
    assert decided(tmp_path, part(worse_than_base, from_control), KEPT).facts["released"] is holds


@pytest.mark.parametrize(
    ("from_base", "holds"),
    [
        ((-0.01, [-0.02, 0.0]), True),
        ((0.005, [0.0, 0.01]), True),  # the worst end is just what is allowed
        ((0.005, [0.0, 0.0101]), False),
        ((0.03, [0.02, 0.04]), False),
    ],
)
def test_the_loss_on_general_text(tmp_path: Path, from_base: Any, holds: bool) -> None:
    assert decided(tmp_path, part(GOOD, GOOD), part(from_base, GOOD)).facts["released"] is holds


def test_gates_are_the_recipes(tmp_path: Path) -> None:
    domain, general = part(GOOD, (-0.05, [-0.06, -0.04])), part((0.02, [0.015, 0.025]), GOOD)
    assert not decided(tmp_path / "a", domain, general).facts["released"]
    assert decided(tmp_path / "b", domain, general, GATES.replace(general_loss=0.025)).facts["released"]
    strict = GATES.replace(general_loss=0.025, domain_gain=0.051)
    assert not decided(tmp_path / "c", domain, general, strict).facts["released"]


@pytest.mark.parametrize(
    ("units", "released"), [((30, 30), True), ((29, 30), False), ((30, 29), True), ((29, 29), False)]
)
def test_a_gate_on_few_units_is_not_tested(tmp_path: Path, units: Any, released: bool) -> None:
    decision = decided(tmp_path, part(GOOD, GOOD, units[0]), part(GOOD, GOOD, units[1]))
    assert decision.facts["released"] is released
    for count, reason in zip(units, decision.facts["reasons"], strict=False):
        assert ("not tested" in reason) is (count < 30)
    gates = json.loads((decision.path / "decision.json").read_text())["gates"]
    assert [gate["holds"] for gate in gates.values()] == [True if count >= 30 else None for count in units]
    untested = [name for name, gate in gates.items() if gate["holds"] is None]
    assert decision.facts["untested"] == untested
    words = ["Released", *(f"{name} not tested" for name in untested)] if released else ["Not released"]
    assert DecisionRecord.read(decision.path).outcome == ", ".join(words)
    if units[0] < 30:
        assert "hold out more domain text (corpus.holdout.test), at least 30 clusters" in decision.facts["reasons"][-1]


def test_the_decision_repeats_the_scores_of_whole_parts(tmp_path: Path) -> None:
    content = json.loads((decided(tmp_path, part(GOOD, GOOD), KEPT).path / "decision.json").read_text())
    assert content["released"] is True
    for name, scores in (("domain", part(GOOD, GOOD)), ("general", KEPT)):
        assert content["scores"][name] == {key: scores[key] for key in scores if key not in ("sources", "years")}
    assert content["tokenizer"] == FITTED


def test_an_unjudged_part_hides_no_failure(tmp_path: Path) -> None:
    bad = (0.5, [0.4, 0.6])
    assert not decided(tmp_path / "a", part(GOOD, bad, 60), part(GOOD, GOOD, 10)).facts["released"]
    assert not decided(tmp_path / "b", part(GOOD, GOOD, 60), part(bad, GOOD, 60)).facts["released"]


def test_the_reasons_can_be_read(tmp_path: Path) -> None:
    decision = decided(tmp_path, part(GOOD, (-0.0196, [-0.03, -0.01])), part((0.0, [-0.005, 0.0049]), GOOD))
    assert decision.facts["reasons"] == [
        "Domain text: adapted against control -1.96% [-3.00%, -1.00%] bits per byte; the gate requires -2% or lower, "
        "with an interval below zero: does not hold (60 independent test documents).",
        "General text: adapted against base +0.00% [-0.50%, +0.49%] bits per byte; the gate allows +1% at the "
        "interval's upper end: holds (60 independent test documents).",
    ]


def test_a_gate_of_zero_reads_plus_zero(tmp_path: Path) -> None:
    decision = decided(tmp_path, part(GOOD, GOOD), part(GOOD, GOOD), Gates(domain_gain=0.0, general_loss=0.0))
    assert " +0% or lower" in decision.facts["reasons"][0]
    assert " +0% at" in decision.facts["reasons"][1]


def test_gates_that_a_recipe_leaves_out_are_two_percent_and_one() -> None:
    assert Gates() == Gates(domain_gain=0.02, general_loss=0.01)


def test_gates_that_cannot_be() -> None:
    for wrong in ({"domain_gain": -0.1}, {"general_loss": 2}, {"domain_gian": 0.1}):
        with pytest.raises(ValidationError):
            Gates.model_validate(wrong)

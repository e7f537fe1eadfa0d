"""The release decision: each gate with its numbers, and the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from domain.artifacts import Decision, Scorecard
from domain.machine import Machine
from domain.release.decision import DecisionRecord, GateResult
from domain.release.scores import PartScore
from domain.spec import Share, Spec
from domain.stage import stage
from evals.scorecard import ScorecardContent
from evals.statistics.bootstrap import MIN_UNITS


class Gates(Spec):
    """Conditions of a release. Shares are relative: 0.02 is 2%."""

    domain_gain: Annotated[
        Share, Field(description="adapted is this much better than the control on domain text, interval clear of zero")
    ] = 0.02
    general_loss: Annotated[
        Share, Field(description="adapted is at most this much worse than the base on general text, interval included")
    ] = 0.01


@stage("decide", makes=Decision, version=4)
def decide(spec: Gates, scorecard: Scorecard, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Scorecard -> Decision: ``decision.json``. facts: ``released``, ``reasons`` (a sentence per gate), and the
    gates that were not tested, ``untested``.

    A gate on fewer than 30 independent units is not tested. A release claims a gain on domain text, so nothing is
    released unless that gate was tested and holds.
    """
    scores = ScorecardContent.read(scorecard.path)
    gates = {
        "domain_gain": domain_gain(spec, scores.parts["domain"]),
        "general_loss": general_loss(spec, scores.parts["general"]),
    }
    reasons = [reason for _, reason in gates.values()]
    if gates["domain_gain"][0] is None:
        fix = f"hold out more domain text (corpus.holdout.test), at least {MIN_UNITS} clusters"
        reasons.append(f"Nothing is released without a test of its gain on domain text: {fix}.")
    released = gates["domain_gain"][0] is True and gates["general_loss"][0] is not False
    decision = DecisionRecord(
        released=released,
        reasons=reasons,
        gates={name: GateResult(holds=holds, reason=reason) for name, (holds, reason) in gates.items()},
        scores={part: score.headline() for part, score in scores.parts.items()},
        tokenizer=scores.tokenizer,
    )
    decision.write(out)
    return {"released": released, "reasons": reasons, "untested": decision.untested}


def domain_gain(spec: Gates, score: PartScore) -> tuple[bool | None, str]:
    """Whether the adapted model beats the control by the gate's margin, with an interval below zero."""
    change = score.changes["control"]
    required = f"the gate requires {gate(-spec.domain_gain)} or lower, with an interval below zero"
    reason = f"Domain text: adapted against control {change.percent(2)} bits per byte; {required}"
    return verdict(change.value <= -spec.domain_gain and change.high < 0, reason, score.units)


def general_loss(spec: Gates, score: PartScore) -> tuple[bool | None, str]:
    """Whether general ability is retained, at the worst end of the interval."""
    change = score.changes["base"]
    allowed = f"the gate allows {gate(spec.general_loss)} at the interval's upper end"
    reason = f"General text: adapted against base {change.percent(2)} bits per byte; {allowed}"
    return verdict(change.high <= spec.general_loss, reason, score.units)


def gate(share: float) -> str:
    """A gate in percent, as the recipe has it."""
    return f"{100 * share + 0.0:+g}%"


def verdict(good: bool, reason: str, units: int) -> tuple[bool | None, str]:
    """The gate's result, None with too few units to test it, and the sentence."""
    if units < MIN_UNITS:
        return None, f"{reason}: not tested ({units} independent test documents, {MIN_UNITS} needed)."
    return good, f"{reason}: {'holds' if good else 'does not hold'} ({units} independent test documents)."

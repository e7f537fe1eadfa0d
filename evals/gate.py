"""Release or not, and why."""

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
from evals.statistics.bootstrap import FEW


class Gates(Spec):
    """What must hold for a release. Shares are relative: 0.02 is 2%."""

    domain_gain: Annotated[
        Share, Field(description="adapted is this much better than the control on domain text, interval clear of zero")
    ] = 0.02
    general_loss: Annotated[
        Share, Field(description="adapted is at most this much worse than the base on general text, interval included")
    ] = 0.01


@stage("decide", makes=Decision, version=3)
def decide(spec: Gates, scorecard: Scorecard, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Scorecard -> Decision: ``decision.json``. facts: ``released`` and ``reasons``, a sentence per gate.

    A gate on fewer than 30 independent units is shown, not judged. The gain on domain text is what a release claims,
    so nothing is released until that one is judged.
    """
    scores = ScorecardContent.read(scorecard.path)
    gates = {
        "domain_gain": domain_gain(spec, scores.parts["domain"]),
        "general_loss": general_loss(spec, scores.parts["general"]),
    }
    reasons = [reason for _, reason in gates.values()]
    if gates["domain_gain"][0] is None:
        fix = f"hold out more of it (corpus.holdout.test), {FEW} clusters at least"
        reasons.append(f"Nothing is released before its gain on domain text can be judged: {fix}.")
    released = gates["domain_gain"][0] is True and gates["general_loss"][0] is not False
    DecisionRecord(
        released=released,
        reasons=reasons,
        gates={name: GateResult(holds=holds, reason=reason) for name, (holds, reason) in gates.items()},
        scores={part: score.headline() for part, score in scores.parts.items()},
        tokenizer=scores.tokenizer,
    ).write(out)
    return {"released": released, "reasons": reasons}


def domain_gain(spec: Gates, score: PartScore) -> tuple[bool | None, str]:
    """Whether the adapted model is better than the control by enough, and beyond doubt."""
    change = score.changes["control"]
    asked = f"the gate asks for {gate(-spec.domain_gain)} or lower, with an interval below zero"
    reason = f"Domain text: adapted against control {change.percent(2)} bits per byte; {asked}"
    return verdict(change.value <= -spec.domain_gain and change.high < 0, reason, score.units)


def general_loss(spec: Gates, score: PartScore) -> tuple[bool | None, str]:
    """Whether general ability is kept: the worst end of the interval decides."""
    change = score.changes["base"]
    allowed = f"the gate allows {gate(spec.general_loss)} at the interval's upper end"
    reason = f"General text: adapted against base {change.percent(2)} bits per byte; {allowed}"
    return verdict(change.high <= spec.general_loss, reason, score.units)


def gate(share: float) -> str:
    """A gate in percent, as the recipe has it."""
    return f"{100 * share + 0.0:+g}%"


def verdict(good: bool, reason: str, units: int) -> tuple[bool | None, str]:
    """The gate's answer; None where there are too few units to give one."""
    if units < FEW:
        return None, f"{reason}: shown, not judged ({units} units, fewer than {FEW})."
    return good, f"{reason}: {'holds' if good else 'does not hold'} ({units} units)."

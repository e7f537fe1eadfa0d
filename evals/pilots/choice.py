"""The share of domain text and the learning rate that pilots recommend, and how certain that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from domain.artifacts import PARTS, Choice, Trial
from domain.machine import Machine
from domain.manifest import write_json
from domain.spec import Count, Seed, Share, Spec
from domain.stage import stage
from evals.pilots.law import interval, predict

VALIDATED = 16  # times the longest pilot up to which predictions were compared with trainings (evals/README.md)
MIN_SHARES = 3  # shares from which a law can show how bits bend with the share
STEPS = 13  # lengths at which the law is drawn

Arm = tuple[float, float]  # share of domain text, learning rate


class Choosing(Spec):
    """The training to choose for, and how much general text may lose."""

    tokens: Annotated[Count, Field(description="tokens of the training to predict")]
    general_loss: Annotated[Share, Field(description="how much worse than the base general text may become, relative")]
    seed: Seed = 0


@stage("choose", makes=Choice, version=4)
def choose(spec: Choosing, *, out: Path, machine: Machine, **pilots: Trial) -> dict[str, Any]:
    """Pilots of several shares, rates and lengths -> Choice: ``choice.json``. facts: its content without the curve.

    Chooses the arm with the fewest predicted bits per byte of domain text after ``spec.tokens``, among those
    predicted to keep general text within ``general_loss`` of the base; if there are none, the one that loses least.
    ``curve`` holds the chosen arm's law by part: median and 95% bounds at ``tokens``.
    """
    points = [point_of(pilot) for pilot in pilots.values()]
    first = next(iter(pilots.values())).facts
    base = {part: first[f"first_{part}"] for part in PARTS}
    lengths = np.geomspace(min(point["tokens"] for point in points), spec.tokens, STEPS)
    laws = predictions(points, lengths, spec.seed)
    arms = [summary(arm, {part: draws[:, -1] for part, draws in law.items()}, base, spec) for arm, law in laws.items()]
    chosen, reasons = choice(arms, base, spec.general_loss)
    reasons += doubts(chosen, arms, points, spec)
    content = {
        "chosen": {name: chosen[name] for name in (*PARTS, "learning_rate")}, "reasons": reasons, "base": base,
        "arms": arms, "points": points, "tokens": spec.tokens, "general_loss": spec.general_loss,
    }  # fmt: skip
    bits = {part: [interval(column) for column in draws.T] for part, draws in laws[key(chosen)].items()}
    write_json(out / "choice.json", {**content, "curve": {"tokens": lengths.tolist(), "bits": bits}})
    return content


def point_of(pilot: Trial) -> dict[str, Any]:
    """A pilot's settings, and its bits per byte of validation text."""
    spec, facts = pilot.manifest["spec"], pilot.facts
    shares = {part: spec["mixture"][part] for part in PARTS}
    bits = {part: facts[f"validation_{part}"] for part in PARTS}
    return {**shares, "learning_rate": spec["learning_rate"], "tokens": facts["tokens"], "bits": bits}


def key(point: dict[str, Any]) -> Arm:
    """The arm that a point belongs to."""
    return point["domain"], point["learning_rate"]


def predictions(points: Sequence[dict[str, Any]], lengths: np.ndarray, seed: int) -> dict[Arm, dict[str, np.ndarray]]:
    """Draws of bits per byte, float64 [draws, lengths], by arm and part: a law for each rate and part."""
    laws: dict[Arm, dict[str, np.ndarray]] = {arm: {} for arm in sorted({key(point) for point in points})}
    for rate in sorted({point["learning_rate"] for point in points}):
        of_rate = [point for point in points if point["learning_rate"] == rate]
        arms = [arm for arm in laws if arm[1] == rate]
        for part in PARTS:
            # A law's share is that of the part it predicts.
            share_of = {key(point): point[part] for point in of_rate}
            at = [(share_of[arm], float(length)) for arm in arms for length in lengths]
            shares, bits = [point[part] for point in of_rate], [point["bits"][part] for point in of_rate]
            draws = predict(shares, [point["tokens"] for point in of_rate], bits, at, seed=seed)
            for arm, columns in zip(arms, np.split(draws, len(arms), axis=1), strict=True):
                laws[arm][part] = columns
    return laws


def summary(arm: Arm, draws: dict[str, np.ndarray], base: dict[str, float], spec: Choosing) -> dict[str, Any]:
    """An arm's predicted bits with 95% intervals, and the relative change of general text from the base."""
    share, rate = arm
    change = interval(draws["general"] / base["general"] - 1.0)
    bits = {part: interval(drawn) for part, drawn in draws.items()}
    shares = {"domain": share, "general": round(1.0 - share, 6), "learning_rate": rate}
    return {**shares, "bits": bits, "general_change": change, "holds": change[0] <= spec.general_loss}


def choice(arms: Sequence[dict[str, Any]], base: dict[str, float], allowed: float) -> tuple[dict[str, Any], list[str]]:
    """The chosen arm, and why."""
    holding = [arm for arm in arms if arm["holds"]]
    gate = f"general text within {100 * allowed:+g}% of the base's {base['general']:.4f} bits per byte"
    if not holding:
        best = min(arms, key=lambda arm: (arm["general_change"][0], arm["bits"]["domain"][0]))
        least = f"{best['general_change'][0]:+.2%}"
        fix = "Pilot with more general text or lower rates, or allow more in release.gates.general_loss."
        return best, [f"No arm is predicted to keep {gate}; this one loses least, {least}. {fix}"]
    best = min(holding, key=lambda arm: (arm["bits"]["domain"][0], arm["general_change"][0]))
    middle, low, high = best["bits"]["domain"]
    reason = (
        f"Of {len(arms)} arms, {len(holding)} are predicted to keep {gate}; of these, this one has the fewest "
        f"predicted bits per byte of domain text: {middle:.4f} [{low:.4f}, {high:.4f}] (base: {base['domain']:.4f})."
    )
    return best, [reason]


def doubts(
    chosen: dict[str, Any], arms: Sequence[dict[str, Any]], points: Sequence[dict[str, Any]], spec: Choosing
) -> list[str]:
    """Reasons to doubt the choice, a sentence each."""
    reasons = []
    for name, what in (("domain", "share of domain text"), ("learning_rate", "learning rate")):
        tried = sorted({arm[name] for arm in arms})
        if len(tried) > 1 and chosen[name] in (tried[0], tried[-1]):
            end, side = ("lowest", "below") if chosen[name] == tried[0] else ("highest", "above")
            reasons.append(f"The best arm is at the edge of the grid: the {end} {what}. Widen the grid {side} it.")
    if chosen["holds"] and chosen["general_change"][2] > spec.general_loss:
        worst = f"{chosen['general_change'][2]:+.2%}"
        reasons.append(f"General text may still lose more than the gate allows: its interval ends at {worst}.")
    rivals = [arm for arm in arms if arm is not chosen and (arm["holds"] or not chosen["holds"])]
    close = [arm for arm in rivals if arm["bits"]["domain"][1] <= chosen["bits"]["domain"][2]]
    if close:
        reasons.append(f"On domain text it is not distinguishable from {len(close)} of {len(rivals)} other arms.")
    shares = {point["domain"] for point in points}
    if len(shares) < MIN_SHARES:
        effect = "too few to fit its effect" if len(shares) > 1 else "so its effect is unknown"
        reasons.append(f"Few points: {len(shares)} share{'s' * (len(shares) > 1)} of domain text, {effect}.")
    longest = max(point["tokens"] for point in points)
    if spec.tokens > VALIDATED * longest:
        times = f"The training is {spec.tokens / longest:,.0f} times the longest pilot"
        reasons.append(f"{times}; predictions are validated up to {VALIDATED} times. Raise pilot.budget.")
    return reasons

"""Which share of domain text and which learning rate small runs speak for, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from domain.artifacts import PARTS, Choice, Trial
from domain.machine import Machine
from domain.manifest import write_json
from domain.spec import Count, Share, Spec
from domain.stage import stage
from evals.pilots.curve import curve
from evals.pilots.law import foretold, interval

FAR = 16  # times the longest pilot: beyond that, predictions were not held against trainings (evals/README.md)
FEW = 3  # shares under which a law cannot show how bits bend with the share
STEPS = 13  # lengths at which the law is drawn

Arm = tuple[float, float]  # share of domain text, learning rate


class Choosing(Spec):
    """What is chosen for, and what it may cost."""

    tokens: Annotated[Count, Field(description="tokens of the training that the pilots stand for")]
    general_loss: Annotated[Share, Field(description="how much worse than the base general text may become")]
    seed: Annotated[int, Field(ge=0)] = 0


@stage("choose", makes=Choice, version=3)
def choose(spec: Choosing, *, out: Path, machine: Machine, **pilots: Trial) -> dict[str, Any]:
    """Pilots of several shares, rates and lengths -> Choice: ``choice.json`` and ``curve.svg``. facts: the former.

    The arm with the fewest bits per byte of domain text to expect after ``spec.tokens``, of those that are expected
    to keep general text within ``general_loss`` of the base's; where none is, the one that loses the least of it.
    """
    points = [point_of(pilot) for pilot in pilots.values()]
    first = next(iter(pilots.values())).facts
    base = {part: first[f"first_{part}"] for part in PARTS}
    lengths = np.geomspace(min(point["tokens"] for point in points), spec.tokens, STEPS)
    lines = expected(points, lengths, spec.seed)
    arms = [told(arm, {part: draws[:, -1] for part, draws in each.items()}, base, spec) for arm, each in lines.items()]
    chosen, reasons = choice(arms, base, spec.general_loss)
    reasons += doubts(chosen, arms, points, spec)
    asked = {part: chosen[part] for part in (*PARTS, "learning_rate")}
    answer = {"chosen": asked, "reasons": reasons, "base": base, "arms": arms, "points": points, "tokens": spec.tokens}
    write_json(out / "choice.json", answer)
    here = {part: [interval(column) for column in draws.T] for part, draws in lines[key(chosen)].items()}
    drawn = curve(points, lengths.tolist(), here, asked, base, spec.general_loss)
    (out / "curve.svg").write_text(drawn, encoding="utf-8")
    return answer


def point_of(pilot: Trial) -> dict[str, Any]:
    """What one pilot was, and what it came to in bits per byte of validation text."""
    asked, facts = pilot.manifest["spec"], pilot.facts
    shares = {part: asked["mixture"][part] for part in PARTS}
    bits = {part: facts[f"validation_{part}"] for part in PARTS}
    return {**shares, "learning_rate": asked["learning_rate"], "tokens": facts["tokens"], "bits": bits}


def key(of: dict[str, Any]) -> Arm:
    """The arm that a point belongs to."""
    return of["domain"], of["learning_rate"]


def expected(points: Sequence[dict[str, Any]], lengths: np.ndarray, seed: int) -> dict[Arm, dict[str, np.ndarray]]:
    """Draws of bits per byte, float64 [draws, lengths], by arm and part: a law for each rate and part."""
    found: dict[Arm, dict[str, np.ndarray]] = {arm: {} for arm in sorted({key(point) for point in points})}
    for rate in sorted({point["learning_rate"] for point in points}):
        here = [point for point in points if point["learning_rate"] == rate]
        arms = [arm for arm in found if arm[1] == rate]
        for part in PARTS:
            # A law is one of the share of the part that it is of.
            of_part = {key(point): point[part] for point in here}
            at = [(of_part[arm], float(length)) for arm in arms for length in lengths]
            shares, bits = [point[part] for point in here], [point["bits"][part] for point in here]
            draws = foretold(shares, [point["tokens"] for point in here], bits, at, seed=seed)
            for arm, columns in zip(arms, np.split(draws, len(arms), axis=1), strict=True):
                found[arm][part] = columns
    return found


def told(arm: Arm, draws: dict[str, np.ndarray], base: dict[str, float], spec: Choosing) -> dict[str, Any]:
    """An arm's bits to expect with their 95% intervals, and what it does to general text, relative to the base."""
    share, rate = arm
    change = interval(draws["general"] / base["general"] - 1.0)
    bits = {part: interval(drawn) for part, drawn in draws.items()}
    shares = {"domain": share, "general": round(1.0 - share, 6), "learning_rate": rate}
    return {**shares, "bits": bits, "general_change": change, "holds": change[0] <= spec.general_loss}


def choice(arms: Sequence[dict[str, Any]], base: dict[str, float], allowed: float) -> tuple[dict[str, Any], list[str]]:
    """The arm that is chosen, and why."""
    holding = [arm for arm in arms if arm["holds"]]
    gate = f"general text within {100 * allowed:+g}% of the base's {base['general']:.4f} bits per byte"
    if not holding:
        best = min(arms, key=lambda arm: (arm["general_change"][0], arm["bits"]["domain"][0]))
        least = f"{best['general_change'][0]:+.2%}"
        fix = "Pilot with more general text or lower rates, or allow more in release.gates.general_loss."
        return best, [f"No arm is expected to keep {gate}; this one loses the least of it, {least}. {fix}"]
    best = min(holding, key=lambda arm: (arm["bits"]["domain"][0], arm["general_change"][0]))
    middle, low, high = best["bits"]["domain"]
    reason = (
        f"Of {len(arms)} arms {len(holding)} are expected to keep {gate}; of these, this one promises the fewest bits "
        f"per byte of domain text: {middle:.4f} [{low:.4f}, {high:.4f}], and the base has {base['domain']:.4f}."
    )
    return best, [reason]


def doubts(
    chosen: dict[str, Any], arms: Sequence[dict[str, Any]], points: Sequence[dict[str, Any]], spec: Choosing
) -> list[str]:
    """What speaks against being sure of the choice, a sentence each."""
    said = []
    for name, what in (("domain", "share of domain text"), ("learning_rate", "learning rate")):
        tried = sorted({arm[name] for arm in arms})
        if len(tried) > 1 and chosen[name] in (tried[0], tried[-1]):
            end, side = ("lowest", "below") if chosen[name] == tried[0] else ("highest", "above")
            said.append(f"The best lies at the edge of the grid: it is the {end} {what}. Widen the grid {side} it.")
    if chosen["holds"] and chosen["general_change"][2] > spec.general_loss:
        worst = f"{chosen['general_change'][2]:+.2%}"
        said.append(f"General text may still become worse than is allowed: its interval ends at {worst}.")
    rivals = [arm for arm in arms if arm is not chosen and (arm["holds"] or not chosen["holds"])]
    close = [arm for arm in rivals if arm["bits"]["domain"][1] <= chosen["bits"]["domain"][2]]
    if close:
        said.append(f"On domain text {len(close)} of {len(rivals)} rivals have an interval that overlaps with its own.")
    shares = {point["domain"] for point in points}
    if len(shares) < FEW:
        law = "a power law in tokens for each rate" if len(shares) == 1 else "hardly how bits bend with the share"
        said.append(f"Few points: {len(shares)} share{'s' * (len(shares) > 1)} of domain text can show {law}.")
    longest = max(point["tokens"] for point in points)
    if spec.tokens > FAR * longest:
        times = f"The training is {spec.tokens / longest:,.0f} times the longest pilot"
        said.append(f"{times}; predictions were held against trainings up to {FAR} times. Raise pilot.budget for less.")
    return said

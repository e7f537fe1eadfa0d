"""The verdict on an extended tokenizer: what it saves and costs, and how its pilots score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from domain.artifacts import PARTS, Checkpoint, Corpus, Tokens, Verdict
from domain.cost.flops import flops_per_token
from domain.cost.shape import shape_of
from domain.machine import Machine
from domain.manifest import write_json
from domain.model.spec import Base
from domain.release.verdict import BreakEven, Cost, ExtensionVerdict, PilotBudget, PilotScore, TokenCount
from domain.settings.learning import LONGEST_ROW
from domain.spec import Bytes, Count, Seed, Share, Spec
from domain.stage import stage
from evals.heldout.documents import held_out
from evals.heldout.likelihood import nats_of
from evals.statistics.bootstrap import MIN_UNITS, paired_change, six_digits

COMPARED = {"same_bytes": "the same bytes", "same_flops": "the same FLOPs"}  # pilots of the extension, by budget


class Weighing(Spec):
    """How the pilots of an extended tokenizer are compared."""

    bytes: Annotated[Bytes, Field(description="most validation text to score, per part")] = 500_000
    tolerance: Annotated[
        Share, Field(description="an extension counts as no worse if its interval ends at or below this")
    ] = 0.005
    resamples: Annotated[Count, Field(le=10**6, description="draws of the bootstrap")] = 10_000
    seed: Seed = 0


@stage("tokenizer_verdict", makes=Verdict, version=3, launched=True)
def tokenizer_verdict(
    spec: Weighing,
    kept: Checkpoint,
    same_bytes: Checkpoint,
    same_flops: Checkpoint,
    old: Tokens,
    new: Tokens,
    corpus: Corpus,
    *,
    out: Path,
    machine: Machine,
) -> dict[str, Any]:
    """Three pilots and both encodings of one corpus -> Verdict: ``verdict.json``. facts: its content.

    ``kept`` trained on ``old`` tokens, the other two on ``new`` ones: of the same text, and for the same FLOPs. The
    comparison is in bits per byte of validation text, which leaves the test text to the gates.
    """
    arms = {"kept": kept, "same_bytes": same_bytes, "same_flops": same_flops}
    documents = {part: held_out(corpus, part, spec.bytes, split="validation") for part in PARTS}
    texts = [document["text"] for part in PARTS for document in documents[part]]
    objective = kept.manifest["spec"].get("objective")
    nats = {
        name: nats_of(arm, texts, machine, f"score pilot, {name.replace('_', ' ')}", objective)
        for name, arm in arms.items()
    }
    scores, start = {}, 0
    for part in PARTS:
        rows = slice(start, start + len(documents[part]))
        scores[part] = score_part(documents[part], {name: values[rows] for name, values in nats.items()}, spec)
        start = rows.stop
    verdict = weigh(arms, old, new, scores, spec.tolerance).model_dump(mode="json")
    write_json(out / "verdict.json", verdict)
    return verdict


def score_part(documents: Sequence[Mapping[str, Any]], nats: Mapping[str, np.ndarray], spec: Weighing) -> PilotScore:
    """Bits per byte of each pilot, and the changes from ``kept`` with their 95% intervals."""
    from domain.score import bits_per_byte

    size, clusters = sum(document["bytes"] for document in documents), [document["cluster"] for document in documents]
    changes = {
        name: paired_change(nats[name], nats["kept"], clusters, resamples=spec.resamples, seed=spec.seed)
        for name in COMPARED
    }
    return PilotScore(
        bits={name: six_digits(bits_per_byte(values.sum(), size)) for name, values in nats.items()},
        changes={name: change.rounded() for name, change in changes.items()},
        units=len(set(clusters)),
        bytes=size,
    )


def weigh(
    arms: Mapping[str, Checkpoint], old: Tokens, new: Tokens, scores: Mapping[str, PilotScore], tolerance: float
) -> ExtensionVerdict:
    """Tokens saved, parameters and FLOPs added, and the recommendation of the pilots.

    Both encodings are of the same text, so tokens compare. ``break_even`` is how many of the kept tokenizer's domain
    tokens must be trained on, or served, until the saving has paid for the three pilots; None where a byte of domain
    text costs more than before.
    """
    tokens, flops, spent = {}, {}, 0.0
    for part in PARTS:
        before, after = (each.facts["train"][part]["tokens"] for each in (old, new))
        saving = round(1.0 - after / before, 6) if before else None
        tokens[part] = TokenCount(kept=before, extended=after, saved=saving)
    for name, arm in arms.items():
        shape = shape_of(Base(weights=str(arm.path)), None)
        flops[name] = flops_per_token(shape, arm.manifest["spec"]["context"] or min(shape.context, LONGEST_ROW))
        spent += flops[name] * arm.facts["tokens"]
    per_token = Cost(kept=flops["kept"], extended=flops["same_bytes"])
    saved = per_token.kept - per_token.extended * (1.0 - (tokens["domain"].saved or 0.0))
    recommended, reasons = advice(scores, tolerance)
    return ExtensionVerdict(
        tokens=tokens,
        parameters=Cost(kept=arms["kept"].facts["parameters"], extended=arms["same_bytes"].facts["parameters"]),
        flops_per_token=per_token,
        flops_per_domain_text=round(-saved / per_token.kept, 6),
        pilot=PilotBudget(flops=spent, tokens={name: arm.facts["tokens"] for name, arm in arms.items()}),
        break_even=BreakEven(
            trained=round(spent / saved) if saved > 0 else None,
            served=round(3 * spent / saved) if saved > 0 else None,
        ),
        scores=scores,
        recommended=recommended,
        reasons=tuple(reasons),
    )


def advice(scores: Mapping[str, PilotScore], tolerance: float) -> tuple[Literal["keep", "extend"], list[str]]:
    """``extend`` only if it is no worse than ``keep`` in both comparisons and on both parts; and the reasons."""
    reasons, good = [], True
    for part in PARTS:
        few = scores[part].units < MIN_UNITS
        for name, budget in COMPARED.items():
            change = scores[part].changes[name]
            holds = not few and change.high <= tolerance
            judged = "no worse" if holds else "too few units to judge" if few else "not shown to be no worse"
            reasons.append(
                f"{part.capitalize()} text, for {budget}: extend against keep {change.percent(2)} bits per byte: "
                f"{judged}."
            )
            good = good and holds
    return ("extend" if good else "keep"), reasons

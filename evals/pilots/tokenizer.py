"""Keep the base's tokenizer or extend it: what an extension saves and costs, and what a pilot says of its quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from domain.artifacts import PARTS, Checkpoint, Corpus, Tokens, Verdict
from domain.cost.flops import flops_per_token
from domain.cost.shape import shape_of
from domain.machine import Machine
from domain.manifest import write_json
from domain.model.spec import Base
from domain.settings.learning import LONGEST_ROW
from domain.spec import Bytes, Count, Share, Spec
from domain.stage import stage
from evals.heldout.documents import held_out
from evals.heldout.likelihood import nats_of
from evals.statistics.bootstrap import FEW, paired_change

ARMS = ("kept", "same_bytes", "same_flops")
TOLD = {"same_bytes": "the same bytes", "same_flops": "the same FLOPs"}


class Weighing(Spec):
    """How the pilot of an extended tokenizer is judged."""

    bytes: Annotated[Bytes, Field(description="validation text scored at most, per part")] = 500_000
    tolerance: Annotated[
        Share, Field(description="an extension counts as no worse where its interval ends at or below this")
    ] = 0.005
    resamples: Annotated[Count, Field(description="draws of the bootstrap")] = 10_000
    seed: Annotated[int, Field(ge=0)] = 0


@stage("tokenizer_verdict", makes=Verdict, version=2, launched=True)
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

    ``kept`` read ``old`` tokens; the other two read ``new`` ones, of as much text and for as many FLOPs. They are
    compared on validation text in bits per byte, so that the gate's text stays unseen.
    """
    arms = dict(zip(ARMS, (kept, same_bytes, same_flops), strict=True))
    documents = {part: held_out(corpus, part, spec.bytes, split="validation") for part in PARTS}
    texts = [document["text"] for part in PARTS for document in documents[part]]
    asked = kept.manifest["spec"].get("objective")
    nats = {
        name: nats_of(arm, texts, machine, f"score pilot, {name.replace('_', ' ')}", asked)
        for name, arm in arms.items()
    }
    scores, start = {}, 0
    for part in PARTS:
        here = slice(start, start + len(documents[part]))
        scores[part] = scored(documents[part], {name: values[here] for name, values in nats.items()}, spec)
        start = here.stop
    said = price(arms, old, new)
    recommended, reasons = advice(scores, spec.tolerance)
    verdict = {**said, "scores": scores, "recommended": recommended, "reasons": reasons}
    write_json(out / "verdict.json", verdict)
    return verdict


def scored(documents: list[dict[str, Any]], nats: dict[str, np.ndarray], spec: Weighing) -> dict[str, Any]:
    """Bits per byte of each pilot, and the changes from ``kept`` with their 95% intervals."""
    from domain.score import bits_per_byte

    size, clusters = sum(document["bytes"] for document in documents), [document["cluster"] for document in documents]
    score: dict[str, Any] = {name: float(f"{bits_per_byte(values.sum(), size):.6g}") for name, values in nats.items()}
    for name in TOLD:
        found = paired_change(nats[name], nats["kept"], clusters, resamples=spec.resamples, seed=spec.seed)
        score[f"change_{name}"] = float(f"{found.change:.6g}")
        score[f"interval_{name}"] = [float(f"{bound:.6g}") for bound in (found.low, found.high)]
    return {**score, "units": len(set(clusters)), "bytes": size}


def price(arms: dict[str, Checkpoint], old: Tokens, new: Tokens) -> dict[str, Any]:
    """What the extension saves in tokens, and costs in parameters and FLOPs.

    Both encodings are of the same text, so tokens compare. ``flops_per_token`` is of training, forward and backward;
    serving takes a third. ``break_even`` is how many of the kept tokenizer's domain tokens must be trained on, or
    served, until the saving has paid for the three pilots; None where a byte of domain text costs more than before.
    """
    tokens, flops, spent = {}, {}, 0.0
    for part in PARTS:
        before, after = (each.facts["train"][part]["tokens"] for each in (old, new))
        tokens[part] = {"kept": before, "extended": after, "saved": round(1.0 - after / before, 6) if before else None}
    for name, arm in arms.items():
        shape = shape_of(Base(weights=str(arm.path)), None)
        flops[name] = flops_per_token(shape, arm.manifest["spec"]["context"] or min(shape.context, LONGEST_ROW))
        spent += flops[name] * arm.facts["tokens"]
    kept, extended = flops["kept"], flops["same_bytes"]
    saved = kept - extended * (1.0 - (tokens["domain"]["saved"] or 0.0))
    grown = {name: arms[name].facts["parameters"] for name in ("kept", "same_bytes")}
    return {
        "tokens": tokens,
        "parameters": {"kept": grown["kept"], "extended": grown["same_bytes"]},
        "flops_per_token": {"kept": kept, "extended": extended},
        "flops_per_domain_text": round(-saved / kept, 6),
        "pilot": {"flops": spent, "tokens": {name: arm.facts["tokens"] for name, arm in arms.items()}},
        "break_even": {
            "trained": round(spent / saved) if saved > 0 else None,
            "served": round(3 * spent / saved) if saved > 0 else None,
        },
    }


def advice(scores: dict[str, Any], worse: float) -> tuple[str, list[str]]:
    """``extend`` only where it is no worse than ``keep``, in both comparisons and on both parts; and why."""
    reasons, good = [], True
    for part in PARTS:
        score = scores[part]
        for name, told in TOLD.items():
            change, (low, high) = score[f"change_{name}"], score[f"interval_{name}"]
            few = score["units"] < FEW
            holds = not few and high <= worse
            judged = "no worse" if holds else "too few units to judge" if few else "not shown to be no worse"
            reasons.append(
                f"{part.capitalize()} text, for {told}: extend against keep {change:+.2%} "
                f"[{low:+.2%}, {high:+.2%}] bits per byte: {judged}."
            )
            good = good and holds
    return ("extend" if good else "keep"), reasons

"""The two stages that learn: the base is prepared, then each arm continues from it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from domain.artifacts import Checkpoint, Tokenizer, Tokens
from domain.errors import Refusal
from domain.machine import Machine
from domain.model.spec import Base
from domain.stage import stage
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.training.spec import LONGEST_ROW, Learning, Training


@stage("prepare", makes=Checkpoint, version=2, resumes=True, launched=True)
def prepare(spec: Base, tokens: Tokens, tokenizer: Tokenizer, *, out: Path, machine: Machine) -> dict[str, Any]:
    """The general baseline: given weights as they are, or a model from scratch that has read general text only.

    facts: ``parameters``, ``context`` (longest text in tokens), ``tokens`` read, ``loss`` (last 10 steps, nats),
    ``epochs`` by part and ``source_epochs`` by part and source, ``packing`` (shares truncated and padded).
    """
    from domain.model.build import build, give, longest, parameters, save

    if spec.scratch is None:
        model, grown = give(spec.weights, tokenizer.path, initial=spec.initial, multiple=spec.pad_rows)
        save(model, tokenizer.path, out)
        facts = {"parameters": parameters(model), "context": longest(model), "tokens": 0, "loss": None}
        return facts if grown["kind"] == "same" else {**facts, "embeddings": grown}
    assert spec.tokens is not None  # the spec's own validator
    model = build(spec.scratch, tokenizer.path, spec.learning.seed, multiple=spec.pad_rows)
    mixture = Mixture(domain=0.0, general=1.0)
    return learn(model, spec.learning, spec.tokens, mixture, "causal", tokens, tokenizer.path, out, machine, "base")


@stage("pretrain", makes=Checkpoint, version=2, resumes=True, launched=True)
def pretrain(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """One arm: continue from the base on the spec's mixture. facts as of ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "adapted" if spec.mixture.domain else "control")


@stage("pilot", makes=Checkpoint, version=1, resumes=True, launched=True)
def pilot(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """A small arm, by which what the large ones do is chosen. facts as of ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "pilot")


def go_on(spec: Training, base: Checkpoint, tokens: Tokens, out: Path, machine: Machine, what: str) -> dict[str, Any]:
    """Learn on from the base."""
    from domain.model.build import load

    if spec.tokens is None:
        raise Refusal("training.tokens", "is not set", "set it, or derive it from the budget with plan --write")
    model = load(base.path)
    fresh = range(*base.facts.get("embeddings", {}).get("new_rows", (0, 0)))
    return learn(
        model, spec, spec.tokens, spec.mixture, spec.objective, tokens, base.path, out, machine, what,
        fresh, spec.new_rows_first,
    )  # fmt: skip


def learn(
    model: Any,
    spec: Learning,
    budget: int,
    mixture: Mixture,
    objective: str,
    tokens: Tokens,
    tokenizer: Path,
    out: Path,
    machine: Machine,
    what: str,
    new_rows: range = range(0),
    rows_first: float = 0.0,
) -> dict[str, Any]:
    """Train ``model`` on about ``budget`` tokens (whole batches), save it and its loss series to ``out``.

    In the share ``rows_first`` of the steps only ``new_rows`` learn.
    """
    from domain.model.build import longest, parameters, save
    from domain.training.objectives import choose
    from domain.training.trainer import train

    context = spec.context or min(longest(model), LONGEST_ROW)
    if context > longest(model):
        raise Refusal(
            "training.context",
            f"{context:,} tokens, and the model takes {longest(model):,}",
            "lower it or leave it out",
        )
    rows = spec.batch // context
    steps = budget // (rows * context) if rows else 0
    if not steps:
        raise Refusal(f"tokens of the {what}", f"{budget:,} are fewer than one batch of {spec.batch:,}", "raise them")
    batches = Batches(tokens, mixture, rows=rows, context=context, batches=steps, seed=spec.seed, packing=spec.packing)
    for warning in batches.warnings():
        print(f"{what}: {warning}", file=sys.stderr, flush=True)
    alone = int(rows_first * steps)
    points = train(
        model, batches, choose(objective), spec, out=out, machine=machine, what=what, new_rows=new_rows, alone=alone
    )
    save(model, tokenizer, out)
    (out / "training.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points), encoding="utf-8")
    last = [point["loss"] for point in points[-10:]]
    return {
        "parameters": parameters(model),
        "context": longest(model),
        "tokens": steps * rows * context,
        "loss": round(sum(last) / len(last), 6),
        "epochs": {part: round(times, 4) for part, times in batches.epochs().items()},
        "source_epochs": {
            part: {source: round(times, 4) for source, times in each.items()}
            for part, each in batches.source_epochs().items()
        },
        "packing": {name: round(share, 4) for name, share in batches.packed().items()},
    }

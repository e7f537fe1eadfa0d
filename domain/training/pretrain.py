"""The two stages that learn: the base is prepared, then each arm continues from it."""

from __future__ import annotations

import json
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


@stage("prepare", makes=Checkpoint, version=1, resumes=True, launched=True)
def prepare(spec: Base, tokens: Tokens, tokenizer: Tokenizer, *, out: Path, machine: Machine) -> dict[str, Any]:
    """The general baseline: given weights as they are, or a model from scratch that has read general text only.

    facts: ``parameters``, ``context`` (longest text in tokens), ``tokens`` read, ``loss`` (last 10 steps, nats).
    """
    from domain.model.build import build, give, longest, parameters, save

    if spec.scratch is None:
        model = give(spec.weights, tokenizer.path)
        save(model, tokenizer.path, out)
        return {"parameters": parameters(model), "context": longest(model), "tokens": 0, "loss": None}
    assert spec.tokens is not None  # the spec's own validator
    model = build(spec.scratch, tokenizer.path, spec.learning.seed)
    mixture = Mixture(domain=0.0, general=1.0)
    return learn(model, spec.learning, spec.tokens, mixture, "causal", tokens, tokenizer.path, out, machine, "base")


@stage("pretrain", makes=Checkpoint, version=1, resumes=True, launched=True)
def pretrain(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """One arm: continue from the base on the spec's mixture. facts as of ``prepare``."""
    from domain.model.build import load

    if spec.tokens is None:
        raise Refusal("training.tokens", "is not set", "set it, or derive it from the budget with plan --write")
    what = "adapted" if spec.mixture.domain else "control"
    model = load(base.path)
    return learn(model, spec, spec.tokens, spec.mixture, spec.objective, tokens, base.path, out, machine, what)


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
) -> dict[str, Any]:
    """Train ``model`` on about ``budget`` tokens (whole batches), save it and its loss series to ``out``."""
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
    batches = Batches(tokens, mixture, rows=rows, context=context, batches=steps, seed=spec.seed)
    points = train(model, batches, choose(objective), spec, out=out, machine=machine, what=what)
    save(model, tokenizer, out)
    (out / "training.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points), encoding="utf-8")
    last = [point["loss"] for point in points[-10:]]
    return {
        "parameters": parameters(model),
        "context": longest(model),
        "tokens": steps * rows * context,
        "loss": round(sum(last) / len(last), 6),
        "epochs": {part: round(share, 4) for part, share in batches.epochs().items()},
    }

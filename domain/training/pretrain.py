"""The stages that learn: the base is prepared, then each arm continues from it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.artifacts import PARTS, Checkpoint, Tokenizer, Tokens, Trial
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base
from domain.settings.learning import LONGEST_ROW, Training
from domain.stage import stage
from domain.tokens.mixture import Mixture

logger = logging.getLogger(__name__)

TRIALS = "trials"  # in the work folder: the trunk of the arm that is being tried


@stage("base", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def prepare(spec: Base, tokens: Tokens, tokenizer: Tokenizer, *, out: Path, machine: Machine) -> dict[str, Any]:
    """The general baseline: given weights as they are, or a model from scratch that has read general text only.

    facts: ``parameters``, ``context`` (longest text in tokens), ``tokens`` read, ``loss`` (last 10 steps, nats),
    ``epochs`` by part and ``source_epochs`` by part and source, ``packing`` (shares truncated and padded); of a
    training also ``first_<part>`` and ``validation_<part>``, bits per byte before the first step and after the last.
    """
    from domain.model.build import build, give, longest, parameters, save
    from domain.model.chat_base import confirmed
    from domain.training.ranks import rank

    confirmed(spec)
    if spec.scratch is None:
        if rank() > 0:
            return {}
        model, grown = give(spec.weights, tokenizer.path, embedding_init=spec.embedding_init, multiple=spec.pad_rows)
        save(model, tokenizer.path, out)
        facts = {"parameters": parameters(model), "context": longest(model), "tokens": 0, "loss": None}
        return facts if grown["kind"] == "same" else {**facts, "embeddings": grown}
    assert spec.tokens is not None  # the spec's own validator
    model = build(spec.scratch, tokenizer.path, spec.learning.seed, multiple=spec.pad_rows)
    asked = Training(**dict(spec.learning), tokens=spec.tokens, mixture=Mixture(domain=0.0, general=1.0))
    digests = {"tokens": tokens.digest, "tokenizer": tokenizer.digest}
    return learn(model, asked, tokens, tokenizer.path, out, machine, "base", digests=digests)


@stage("pretrain", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def pretrain(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """One arm: continue from the base on the spec's mixture. facts as of ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "adapted" if spec.mixture.domain else "control")


@stage("tokenizer_pilot", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def tokenizer_pilot(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """A small arm, by which a tokenizer is chosen. facts as of ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "pilot")


@stage("grid_pilot", makes=Trial, version=2, resumes=True, launched=True, ranks=True)
def grid_pilot(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """A small arm of a grid, judged by its losses alone: no weights are kept. facts as of ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "pilot", keep=False)


def go_on(
    spec: Training, base: Checkpoint, tokens: Tokens, out: Path, machine: Machine, what: str, *, keep: bool = True
) -> dict[str, Any]:
    """Learn on from the base."""
    from domain.model.build import load

    if spec.tokens is None:
        raise UserError("training.tokens", "is not set", "set it, or derive it from the budget with plan --write")
    fresh = range(*base.facts.get("embeddings", {}).get("new_rows", (0, 0)))
    digests = {"tokens": tokens.digest, "base": base.digest}
    return learn(
        load(base.path), spec, tokens, base.path, out, machine, what, digests=digests, new_rows=fresh, keep=keep
    )


def learn(
    model: Any,
    spec: Training,
    tokens: Tokens,
    tokenizer: Path,
    out: Path,
    machine: Machine,
    what: str,
    *,
    digests: Mapping[str, str],
    new_rows: range = range(0),
    keep: bool = True,
) -> dict[str, Any]:
    """Train ``model`` on about ``spec.tokens`` tokens of text (whole batches); save its loss series, and it if kept."""
    from domain.model.attention import Attention
    from domain.model.build import longest, parameters, save
    from domain.model.device import uses_bf16
    from domain.model.families import family_of
    from domain.model.lora import adapt, merge
    from domain.model.parallel import whole
    from domain.tokenizer.encoding.texts import load_tokenizer
    from domain.tokens.batches import PACKINGS, Batches
    from domain.training.objectives import choose
    from domain.training.ranks import together
    from domain.training.state.export import describe
    from domain.training.state.trunk import Trunk
    from domain.training.trainer import Trainer
    from domain.training.validation import Validator

    if (family := family_of(model.config)) != spec.objective.family:
        place, problem = "training.objective", f"{spec.objective.kind} is for the family {spec.objective.family}"
        raise UserError(place, f"{problem}, and the base is of the family {family}", "choose another base or objective")
    context = spec.context or min(longest(model), LONGEST_ROW)
    if context > longest(model):
        problem = f"{context:,} tokens, and the model takes {longest(model):,}"
        raise UserError("training.context", problem, "lower it or leave it out")
    tuner = adapt(model, spec.lora, grown=bool(new_rows)) if spec.lora else None
    with together(machine) as ranks:
        speaker = load_tokenizer(tokenizer)
        objective = choose(spec.objective, speaker, spec.seed)
        raw, budget = objective.raw(context), spec.tokens or 0
        rows = spec.batch // raw
        steps = budget // (rows * raw) if rows else 0
        if not steps:
            problem = f"{budget:,} are fewer than one batch of {max(spec.batch, raw):,}"
            raise UserError(f"tokens of the {what}", problem, "raise them")
        half = uses_bf16(ranks.device, machine)
        attention = Attention(model.to(ranks.device), ranks.device, half=half)
        packing = spec.packing if attention.packed else "separate"
        batches = Batches(tokens, spec.mixture, rows=rows, context=raw, batches=steps, seed=spec.seed, packing=packing)
        for warning in batches.warnings() if ranks.first else ():
            logger.warning("%s: %s", what, warning)
        if packing != spec.packing and ranks.first:
            kind = model.config.model_type
            logger.warning("%s: %s cannot keep documents of one row apart: one document a row", what, kind)
        whole_rows = PACKINGS["best_fit" if packing == "stream" else packing]
        look = Validator(
            tokens, objective, speaker, spec.validation, context=context, packed=whole_rows, seed=spec.seed,
            ranks=ranks, machine=machine,
        )  # fmt: skip
        alone = int(spec.embedding_warmup * steps)
        if ranks.first:
            describe(model, tokenizer, out / ".scratch", spec.lora)
        loop = Trainer(
            model, batches, objective, spec, attention=attention, out=out, ranks=ranks, what=what, look=look,
            machine=machine if keep else machine.replace(permanent_every=0),
            digests=digests, new_rows=new_rows, alone=alone,
            trunk=Trunk(machine.work / ("trunks" if keep else TRIALS), spec, steps, alone, digests, only=not keep),
        )  # fmt: skip
        points = loop.run()
        if tuner:
            merge(tuner)
        weights = whole(model, ranks.size) if keep else None
        if not ranks.first:
            return {}
    if keep:
        save(model, tokenizer, out, weights=weights)
    told = "".join(json.dumps(point, sort_keys=True) + "\n" for point in points)
    (out / "training.jsonl").write_text(told, encoding="utf-8")
    return {
        "parameters": parameters(model),
        "context": longest(model),
        **told_of(points, rows * raw, loop.at),
        "epochs": {part: round(times, 4) for part, times in batches.epochs().items()},
        "source_epochs": {
            part: {source: round(times, 4) for source, times in each.items()}
            for part, each in batches.source_epochs().items()
        },
        "packing": {"kind": packing, **{name: round(share, 4) for name, share in batches.packed().items()}},
    }


def told_of(points: list[dict[str, Any]], batch: int, at: Any) -> dict[str, Any]:
    """What a training came to: tokens read, mean loss of the last 10 steps, first and last look, what went wrong."""
    last = [point["loss"] for point in points[-10:]]
    looks = [point for point in points if any(name.startswith("validation_") for name in point)]
    seen = {name: value for name, value in (looks[-1] if looks else {}).items() if name.startswith("validation_")}
    skipped = sum(bool(point.get("skipped")) for point in points)
    return {
        "tokens": len(points) * batch,
        "loss": round(sum(last) / len(last), 6),
        **{f"first_{part}": bits for part in PARTS if (bits := getattr(at, part)) is not None},
        **seen,
        **({"skipped": skipped, "passed_over": at.jump} if skipped or at.jump else {}),
        **({"stopped": at.stopped} if at.stopped else {}),
    }

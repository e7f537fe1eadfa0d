"""The pretraining stages: prepare the base, then continue it in each arm or pilot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.artifacts import Checkpoint, Tokenizer, Tokens, Trial
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base
from domain.settings.learning import LONGEST_ROW, Training
from domain.stage import stage
from domain.tokens.mixture import Mixture

if TYPE_CHECKING:  # recipes load without torch
    from transformers import PreTrainedModel

TRIALS = "trials"  # in the work folder: the trunk of the current grid pilot


@stage("base", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def prepare(spec: Base, tokens: Tokens, tokenizer: Tokenizer, *, out: Path, machine: Machine) -> dict[str, Any]:
    """The base model: pretrained weights as they are, or a model trained from scratch on general text only.

    facts: ``parameters``, ``context`` (longest text in tokens), ``tokens`` read, ``loss`` (last 10 steps, nats),
    ``epochs`` by part and ``source_epochs`` by part and source, ``packing`` (shares truncated and padded), and if it
    was trained ``first_<part>`` and ``validation_<part>``, bits per byte before the first step and after the last.
    """
    from domain.model.build import build, load_for_tokenizer, longest, parameters, save
    from domain.model.chat_base import check_chat_base
    from domain.training.ranks import rank

    check_chat_base(spec)
    if spec.scratch is None:
        if rank() > 0:
            return {}
        model, grown = load_for_tokenizer(
            spec.weights, tokenizer.path, embedding_init=spec.embedding_init, multiple=spec.pad_rows
        )
        save(model, tokenizer.path, out)
        facts = {"parameters": parameters(model), "context": longest(model), "tokens": 0, "loss": None}
        return facts if grown["kind"] == "same" else {**facts, "embeddings": grown}
    assert spec.tokens is not None  # the spec's own validator
    model = build(spec.scratch, tokenizer.path, spec.learning.seed, multiple=spec.pad_rows)
    training = Training(**dict(spec.learning), tokens=spec.tokens, mixture=Mixture(domain=0.0, general=1.0))
    digests = {"tokens": tokens.digest, "tokenizer": tokenizer.digest}
    return learn(model, training, tokens, tokenizer.path, out, machine, "base", digests=digests)


@stage("pretrain", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def pretrain(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """One arm: continue from the base on the spec's mixture. facts: as for ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "adapted" if spec.mixture.domain else "control")


@stage("tokenizer_pilot", makes=Checkpoint, version=4, resumes=True, launched=True, ranks=True)
def tokenizer_pilot(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """A small arm that compares tokenizers. facts: as for ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "pilot")


@stage("grid_pilot", makes=Trial, version=2, resumes=True, launched=True, ranks=True)
def grid_pilot(spec: Training, base: Checkpoint, tokens: Tokens, *, out: Path, machine: Machine) -> dict[str, Any]:
    """A small arm of a grid; only its losses are saved. facts: as for ``prepare``."""
    return go_on(spec, base, tokens, out, machine, "pilot", keep=False)


def go_on(
    spec: Training, base: Checkpoint, tokens: Tokens, out: Path, machine: Machine, what: str, *, keep: bool = True
) -> dict[str, Any]:
    """Continue the pretraining of the base on the spec's mixture."""
    from domain.model.build import load

    if spec.tokens is None:
        raise UserError("training.tokens", "is not set", "set it, or derive it from the budget with plan --write")
    fresh = range(*base.facts.get("embeddings", {}).get("new_rows", (0, 0)))
    digests = {"tokens": tokens.digest, "base": base.digest}
    return learn(
        load(base.path), spec, tokens, base.path, out, machine, what, digests=digests, new_rows=fresh, keep=keep
    )


def learn(
    model: PreTrainedModel,
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
    """Train ``model`` on ``spec.tokens`` tokens of text, in whole batches; save losses and, with ``keep``, weights."""
    from domain.model.build import longest
    from domain.model.families import family_of
    from domain.tokenizer.encoding.texts import load_tokenizer
    from domain.training.objectives import choose
    from domain.training.state.trunk import Trunk
    from domain.training.text import TextReading
    from domain.training.train import train

    if (family := family_of(model.config)) != spec.objective.family:
        place, problem = "training.objective", f"{spec.objective.kind} is for the family {spec.objective.family}"
        raise UserError(place, f"{problem}, and the base is of the family {family}", "choose another base or objective")
    context = spec.context or min(longest(model), LONGEST_ROW)
    if context > longest(model):
        problem = f"is {context:,} tokens, but the model takes at most {longest(model):,}"
        raise UserError("training.context", problem, "lower it or leave it out")
    loaded = load_tokenizer(tokenizer)
    objective = choose(spec.objective, loaded, spec.seed)
    raw, budget = objective.raw(context), spec.tokens or 0
    rows = spec.batch // raw
    steps = budget // (rows * raw) if rows else 0
    if not steps:
        problem = f"{budget:,} are fewer than one batch of {max(spec.batch, raw):,}"
        raise UserError(f"tokens of the {what}", problem, "raise them")
    alone = int(spec.embedding_warmup * steps)
    reading = TextReading(model, tokens, loaded, objective, spec, context, rows, steps, what)
    outcome = train(
        model, reading, spec, what=what, tokenizer=tokenizer, out=out, digests=digests, lora=spec.lora,
        machine=machine if keep else machine.replace(permanent_every=0), new_rows=new_rows, alone=alone, keep=keep,
        trunk=Trunk(machine.work / ("trunks" if keep else TRIALS), spec, steps, alone, digests, only=not keep),
    )  # fmt: skip
    return {**outcome.facts, **reading.facts()} if outcome else {}

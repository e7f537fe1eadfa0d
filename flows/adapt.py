"""The whole way, in the order in which a document travels it."""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

from corpora.collect import Collection, collect
from corpora.curate import Curation, curate
from corpora.datasheet import Description, describe
from corpora.instruction_check import refuse_asked
from domain.artifacts import Artifact, Release
from domain.release.bundle import release
from domain.spec import Spec
from domain.stage import A, Stage
from domain.tokenizer.fit import fit
from domain.tokens.encode import Encoding, encode
from domain.training.pretrain import prepare, pretrain
from domain.training.tune import tune
from evals.evaluate import evaluate
from evals.gate import decide
from evals.protect import Protection, protect
from flows.extension import weigh_extension
from flows.recipe.recipe import Recipe


class Runner(Protocol):
    """Finds or makes what a stage is asked for."""

    def __call__(self, made_by: Stage[A], spec: Spec, *parents: Artifact, label: str = "") -> A:
        """The artifact; ``label`` names it in the record where it is not the stage's name."""
        ...


def adapt(recipe: Recipe, as_of: date, stage: Runner) -> Release | None:
    """From a recipe to a release; None where the gates do not hold."""
    if recipe.instruction_tuning:
        recipe.instruction_tuning.check()  # what is amiss in an order is told now, not after the training
    tasks = stage(protect, recipe.evaluation.only(Protection))
    if recipe.instruction_tuning:
        refuse_asked(recipe.instruction_tuning.read(), tasks.path / "texts.jsonl", recipe.corpus.decontaminate)
    raw = stage(collect, recipe.corpus.only(Collection).but(as_of=as_of))
    corpus = stage(curate, recipe.corpus.only(Curation), raw, tasks)
    tokenizer = stage(fit, recipe.fitting, corpus)
    tokens = stage(encode, Encoding(), corpus, tokenizer)
    stage(describe, Description(), raw, corpus, tokens)
    base = stage(prepare, recipe.start, tokens, tokenizer, label="base")
    verdicts = weigh_extension(recipe, corpus, tokenizer, tokens, base, stage)
    arms = [stage(pretrain, arm, base, tokens, label=label) for label, arm in recipe.arms.items()]
    scores = stage(evaluate, recipe.evaluation, base, *arms, corpus, tokenizer, *verdicts)
    decision = stage(decide, recipe.release.gates, scores)
    if not decision.facts["released"]:
        return None
    tuned = [stage(tune, recipe.instruction_tuning, arms[0])] if recipe.instruction_tuning else []
    return stage(release, recipe.bundle, decision, arms[0], base, corpus, tokenizer, *tuned)


def summary(stages: dict[str, Any]) -> dict[str, Any]:
    """What a run came to, from the record of its stages; None for what is not there yet."""
    corpus = stages.get("curate", {}).get("facts")
    keys = ("documents_in", "documents_out", "bytes_in", "bytes_out", "dropped")
    scores = stages.get("evaluate", {}).get("facts")
    return {
        "release": stages.get("release", {}).get("path"),
        "corpus": {key: corpus[key] for key in keys} if corpus else None,
        "tokenizer": stages.get("tokenizer", {}).get("facts"),
        "scores": {part: scores[part] for part in ("domain", "general")} if scores else None,
        "decision": stages.get("decide", {}).get("facts"),
        "stages": stages,
    }

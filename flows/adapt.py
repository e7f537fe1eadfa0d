"""The whole workflow, in the order of its stages; ``flows.run.prefect_flow`` runs it as a Prefect flow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Protocol

from corpora.collect import Collection, collect
from corpora.curate import curate
from corpora.datasheet import Description, describe
from corpora.decontamination.instruction_check import refuse_asked
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
from flows.pilots.extension import weigh_extension
from flows.recipe.recipe import Recipe

NO_PARENTS: Mapping[str, Artifact] = MappingProxyType({})  # of a stage that begins the workflow


class Runner(Protocol):
    """Returns the artifact of a stage: a cached one, or one made now."""

    def __call__(
        self, made_by: Stage[A], spec: Spec, parents: Mapping[str, Artifact] = NO_PARENTS, *, label: str = ""
    ) -> A:
        """The artifact; ``label`` is its name in the record (default: the stage's name)."""
        ...


def adapt(recipe: Recipe, as_of: date, stage: Runner) -> Release | None:
    """From a recipe to a release; None if its gates do not pass."""
    if recipe.instruction_tuning:
        recipe.instruction_tuning.check()  # a broken example is reported now, not after the training
    tasks = stage(protect, recipe.evaluation.narrow(Protection))
    if recipe.instruction_tuning:
        refuse_asked(recipe.instruction_tuning.read(), tasks.path / "texts.jsonl", recipe.corpus.decontaminate)
    raw = stage(collect, recipe.corpus.narrow(Collection).replace(as_of=as_of))
    corpus = stage(curate, recipe.corpus.curation(), {"raw": raw, "protected": tasks})
    tokenizer = stage(fit, recipe.fitting, {"corpus": corpus})
    tokens = stage(encode, Encoding(), {"corpus": corpus, "tokenizer": tokenizer})
    datasheet = stage(describe, Description(), {"raw": raw, "corpus": corpus, "tokens": tokens})
    base = stage(prepare, recipe.start, {"tokens": tokens, "tokenizer": tokenizer})
    start = {"base": base, "tokens": tokens}
    verdict = weigh_extension(recipe, corpus, tokenizer, tokens, base, stage)
    arms = {name: stage(pretrain, arm, start, label=name) for name, arm in recipe.arms.items()}
    evidence = {"corpus": corpus, "tokenizer": tokenizer, "base": base}
    scores = stage(evaluate, recipe.evaluation, {**evidence, **arms, **verdict})
    decision = stage(decide, recipe.release.gates, {"scorecard": scores})
    if not decision.facts["released"]:
        return None
    released = {**evidence, "datasheet": datasheet, "adapted": arms["adapted"], "decision": decision}
    if recipe.instruction_tuning:
        released["tuned"] = stage(tune, recipe.instruction_tuning, {"adapted": arms["adapted"]})
    return stage(release, recipe.bundle, released)

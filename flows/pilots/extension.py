"""Is an extended tokenizer worth its cost? Pilot trainings at equal text and at equal FLOPs say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.artifacts import Checkpoint, Corpus, Tokenizer, Tokens, Verdict
from domain.cost.flops import flops_per_token
from domain.cost.shape import shape_of
from domain.model.spec import Base
from domain.settings.learning import LONGEST_ROW, Training
from domain.tokenizer.fit import fit
from domain.tokens.encode import Encoding, encode
from domain.training.pretrain import prepare, tokenizer_pilot
from evals.pilots.tokenizer import Weighing, tokenizer_verdict
from flows.recipe.recipe import Recipe

if TYPE_CHECKING:
    from flows.adapt import Runner


def weigh_extension(
    recipe: Recipe, corpus: Corpus, tokenizer: Tokenizer, tokens: Tokens, base: Checkpoint, stage: Runner
) -> dict[str, Verdict]:
    """The ``verdict`` on the recipe's extended tokenizer; empty if it extends none, or has no pilot.

    Three pilots: the base with its own tokenizer; the extended one on the same text; and for the same FLOPs.
    """
    if recipe.tokenizer.mode != "extend" or not recipe.tokenizer.pilot.share:
        return {}
    own = stage(fit, recipe.fitting.replace(mode="keep"), {"corpus": corpus}, label="kept tokenizer")
    old = stage(encode, Encoding(), {"corpus": corpus, "tokenizer": own}, label="kept tokens")
    start = stage(prepare, recipe.base, {"tokens": old, "tokenizer": own}, label="kept base")
    trainings = budgets(recipe.training, recipe.tokenizer.pilot.share, (old, start), (tokens, base))
    extended = {"base": base, "tokens": tokens}
    starts = {"kept": {"base": start, "tokens": old}, "same_bytes": extended, "same_flops": extended}
    arms = {
        name: stage(tokenizer_pilot, trainings[name], parents, label=f"pilot, {name.replace('_', ' ')}")
        for name, parents in starts.items()
    }
    settings = recipe.tokenizer.pilot.narrow(Weighing)
    texts = {"old": old, "new": tokens, "corpus": corpus}
    return {"verdict": stage(tokenizer_verdict, settings, {**arms, **texts})}


def budgets(
    training: Training, share: float, own: tuple[Tokens, Checkpoint], extended: tuple[Tokens, Checkpoint]
) -> dict[str, Training]:
    """The training of each pilot, in tokens of the same bytes and of the same FLOPs as the kept tokenizer's."""
    least = training.batch
    spent = max(least, round((training.tokens or 0) * share))
    before, after = (bytes_per_token(tokens, training) for tokens, _ in (own, extended))
    cost, dearer = (flops(base, training) for _, base in (own, extended))
    wanted = {"kept": spent, "same_bytes": spent * before / after, "same_flops": spent * cost / dearer}
    return {name: training.replace(tokens=max(least, round(tokens))) for name, tokens in wanted.items()}


def bytes_per_token(tokens: Tokens, training: Training) -> float:
    """UTF-8 bytes per token of the mixture."""
    total = 0.0
    for part, share in training.mixture.shares.items():
        counts = tokens.facts["train"][part]
        total += share * counts["bytes"] / max(1, counts["tokens"])
    return total


def flops(base: Checkpoint, training: Training) -> float:
    """FLOPs per token of training."""
    shape = shape_of(Base(weights=str(base.path)), None)
    return flops_per_token(shape, training.context or min(shape.context, LONGEST_ROW))

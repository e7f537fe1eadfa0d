"""The runs of a pilot: shares of domain text, learning rates and lengths, within a budget."""

from __future__ import annotations

import math

from domain.errors import UserError
from domain.settings.learning import Training, Validation
from domain.training.schedule import decay_begins
from flows.recipe.recipe import Recipe

DIVISORS = (4, 2, 1)  # each arm is trained for a quarter, half and all of its steps, on one trunk
DECAY = 0.2  # of the steps; the default of 0.1 is too few in a small run
WARMUP = 10  # the shortest run warms up over a tenth of its tokens, and the longer ones share it
LOOK = Validation(every=10**9, bytes=100_000, alarm=None)  # before the first step and after the last


def steps_of(longest: int) -> list[int]:
    """The lengths of an arm's runs, in steps."""
    return [longest // part for part in DIVISORS]


def spent(longest: int) -> int:
    """Steps of an arm: a longer run branches off the trunk where the decay of the shorter one begins."""
    schedule = Training(decay="wsd", decay_share=DECAY, warmup_tokens=1)
    lengths = steps_of(longest)
    begins = [0, *(decay_begins(schedule, steps) for steps in lengths)]
    return sum(steps - begin for steps, begin in zip(lengths, begins, strict=False))


def longest_run(recipe: Recipe) -> int:
    """The steps of an arm's longest run within ``pilot.budget``; raises ``UserError`` for too small a budget."""
    tokens, batch = recipe.training.tokens, recipe.training.batch
    if tokens is None:
        raise UserError("training.tokens", "is not set, so there is nothing to pilot for", "set it, or plan --write")
    arms = len(recipe.pilot.domain) * len(rates(recipe))
    each = recipe.pilot.budget * tokens / (arms * batch)
    least, longest = DIVISORS[0], int(each)
    if spent(least) > each:
        share = math.ceil(1000 * spent(least) * arms * batch / tokens) / 1000
        problem = f"{recipe.pilot.budget:g} of {tokens:,} tokens is too small for a batch of {batch:,} in each run"
        more = f"set it to {share:g} at least" if share <= 1 else "train on more tokens, or try fewer arms"
        raise UserError("pilot.budget", f"{problem} of {arms} arm{'s' * (arms > 1)}", more)
    while spent(longest) > each:
        longest -= 1
    return longest


def rates(recipe: Recipe) -> list[float]:
    """The peak learning rates to try, rounded to three digits: the same in the recipe as in the run."""
    own = recipe.training.learning_rate
    return list(recipe.pilot.rates) or [float(f"{rate:.3g}") for rate in (own / 3, own, 3 * own)]


def runs(recipe: Recipe) -> list[tuple[str, Training]]:
    """(Label, training) of every run, the short ones of an arm first."""
    training, lengths = recipe.training, steps_of(longest_run(recipe))
    alone = int(training.embedding_warmup * lengths[0])  # the same steps in each, so that they share a trunk
    warmup = max(1, lengths[0] * training.batch // WARMUP)
    trainings = []
    for share in recipe.pilot.domain:
        for rate in rates(recipe):
            mixture = training.mixture.replace(domain=share, general=round(1.0 - share, 9))
            for steps in lengths:
                run = training.replace(
                    tokens=steps * training.batch,
                    mixture=mixture,
                    learning_rate=rate,
                    decay="wsd",
                    decay_share=DECAY,
                    warmup_tokens=warmup,
                    validation=LOOK,
                    # A rate that is too high has to show as such: no spike is skipped or rolled back.
                    spikes=training.spikes.replace(in_a_row=10**9, anchor=10**9),
                    embedding_warmup=min(training.embedding_warmup, (alone + 1e-6) / steps) if alone else 0.0,
                )
                trainings.append((f"pilot {share:.0%} at {rate:g}, {steps:,} steps", run))
    return trainings

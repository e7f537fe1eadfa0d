"""Settings of pilots: their budget, shares of domain text and learning rates."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from domain.spec import Seed, Share, Spec
from domain.tokenizer.fit import Fitting
from evals.pilots.tokenizer import Weighing


def rising(values: tuple[float, ...]) -> tuple[float, ...]:
    """Distinct values in ascending order."""
    return tuple(sorted(set(values)))


def mixed(share: float) -> float:
    """A share between 0 and 1."""
    if not 0.0 < share < 1.0:
        raise ValueError("a pilot mixes both parts, so name shares between 0 and 1, such as 0.7")
    return share


class TokenizerPilot(Weighing):
    """Budget and comparison of the pilots of an extended tokenizer."""

    share: Annotated[
        Share, Field(description="of training.tokens, for each pilot of an extended tokenizer; 0: none")
    ] = 0.05


class TokenizerSettings(Fitting):
    """The tokenizer to make, and the pilots that compare an extended one with the base's own."""

    pilot: Annotated[TokenizerPilot, Field(description="pilots of an extended tokenizer (mode extend)")] = (
        TokenizerPilot()
    )


class Pilot(Spec):
    """The grid of pilots: shares of domain text, learning rates, and the budget for all of them."""

    domain: Annotated[
        tuple[Annotated[float, AfterValidator(mixed)], ...],
        AfterValidator(rising),
        Field(min_length=1, description="shares of domain text to try; the rest is general text"),
    ] = (0.5, 0.7, 0.9)
    rates: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        AfterValidator(rising),
        Field(description="peak learning rates to try; a third of the recipe's, itself and three times it if empty"),
    ] = ()
    budget: Annotated[Share, Field(gt=0, description="of training.tokens, for all pilots of shares and rates")] = 0.05
    seed: Seed = 0

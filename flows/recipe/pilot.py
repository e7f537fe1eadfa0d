"""Settings of pilots: their budget, shares of domain text and learning rates."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from domain.spec import Share, Spec
from domain.tokenizer.fit import Fitting
from evals.pilots.tokenizer import Weighing


def rising(values: tuple[float, ...]) -> tuple[float, ...]:
    """Each value once, from the least."""
    return tuple(sorted(set(values)))


def mixed(share: float) -> float:
    """A share that leaves room for the other part."""
    if not 0.0 < share < 1.0:
        raise ValueError("a pilot mixes both parts, so name shares between 0 and 1, such as 0.7")
    return share


class TokenizerPilot(Weighing):
    """What the pilots of an extended tokenizer may spend, and how they are judged."""

    share: Annotated[
        Share, Field(description="of training.tokens, for each pilot of an extended tokenizer; 0: none")
    ] = 0.05


class TokenizerSettings(Fitting):
    """What tokenizer to make; whether an extended one is worth its price is a pilot's to say."""

    pilot: Annotated[TokenizerPilot, Field(description="pilots that judge an extended tokenizer (extend)")] = (
        TokenizerPilot()
    )


class Pilot(Spec):
    """What the pilots of a grid may spend, and over which shares of domain text and learning rates they go."""

    domain: Annotated[
        tuple[Annotated[float, AfterValidator(mixed)], ...],
        AfterValidator(rising),
        Field(min_length=1, description="shares of domain text to try; the rest is replay"),
    ] = (0.5, 0.7, 0.9)
    rates: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...],
        AfterValidator(rising),
        Field(description="peak learning rates to try; a third of the recipe's, itself and three times it if empty"),
    ] = ()
    budget: Annotated[Share, Field(gt=0, description="of training.tokens, for all pilots of shares and rates")] = 0.05
    seed: Annotated[int, Field(ge=0)] = 0

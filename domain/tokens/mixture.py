"""The mixture: shares of domain and general text, and weights of the sources, applied when text is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from domain.artifacts import PARTS
from domain.spec import Share, Spec

REPEATS = 4  # epochs; up to about 4, repeated text teaches nearly what new text does (arXiv 2305.16264)


class Shares(Spec):
    """Shares of the rows that are read; they add up to 1."""

    domain: Annotated[Share, Field(description="share of rows from domain text")]
    general: Annotated[Share, Field(description="share of rows from general text (replay)")]

    @model_validator(mode="after")
    def _adds_up(self) -> Shares:
        total = self.domain + self.general
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the shares add up to {total:g}; make them add up to 1")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """The shares above zero, by part."""
        return {part: getattr(self, part) for part in PARTS if getattr(self, part) > 0}


class Phase(Shares):
    """Shares that hold until a stated moment of training."""

    until: Annotated[float, Field(gt=0, le=1, description="share of the training after which the next phase begins")]


class Mixture(Shares):
    """Shares of the two parts, for the whole training or by phases, and how the sources of a part share its rows.

    A source's share of its part is proportional to (tokens x weight) ** (1 / temperature), as multilingual models
    do with languages (arXiv 1911.02116): 1 reads all at the same pace, more favours small sources. With ``phases``,
    ``domain`` and ``general`` are left out and say what the phases come to on average.
    """

    domain: Annotated[Share, Field(description="share of rows from domain text")] = 0.7
    general: Annotated[Share, Field(description="share of rows from general text (replay)")] = 0.3
    weights: Mapping[str, Annotated[float, Field(ge=0, le=10**6)]] = Field(
        default_factory=dict, description="factor by source; 1 if not named, 0 leaves it out"
    )
    temperature: Annotated[float, Field(ge=0.001, le=1e6, description="above 1, small sources are read more often")] = (
        1.0
    )
    max_epochs: Annotated[
        float | None,
        Field(
            ge=0.001, le=10**6, description="how often a source is read at most; its part's others then take its turn"
        ),
    ] = None
    phases: Annotated[tuple[Phase, ...], Field(description="shares that change during training; the last until 1")] = ()

    @model_validator(mode="before")
    @classmethod
    def _means(cls, data: object) -> object:
        """With phases, what is not given as shares is not the default, but what the phases come to."""
        if not isinstance(data, Mapping) or not data.get("phases"):
            return data
        try:
            phases = [Phase.model_validate(phase) for phase in data["phases"]]
            shares = {part: float(data[part]) for part in PARTS if part in data}
        except (TypeError, ValueError):
            return data  # the fields' own validators say what is wrong, and where
        ends = [phase.until for phase in phases]
        if ends[-1] != 1 or any(b <= a for a, b in zip([0.0, *ends], ends, strict=False)):
            raise ValueError("let until rise from phase to phase, up to 1 in the last")
        lengths = [end - begin for begin, end in zip([0.0, *ends], ends, strict=False)]
        domain = min(1.0, sum(length * phase.domain for length, phase in zip(lengths, phases, strict=True)))
        means = {"domain": domain, "general": 1.0 - domain}
        if any(abs(share - means[part]) > 1e-9 for part, share in shares.items()):
            raise ValueError("has phases and shares of its own; leave domain and general to the phases")
        return {**data, **means}

    def alone(self, part: str) -> Mixture:
        """This mixture reading one part only, its sources as before: the same rows of it in the same order."""
        return self.replace(phases=(), **{each: float(each == part) for each in PARTS})

    def schedule(self, batches: int) -> list[tuple[int, list[float]]]:
        """(First batch, shares of ``PARTS``) of each phase of a training of so many batches."""
        phases: list[Shares] = list(self.phases) or [self]
        begins = [0, *(round(phase.until * batches) for phase in self.phases[:-1])]
        return [(begin, [phase.domain, phase.general]) for begin, phase in zip(begins, phases, strict=True)]

    def of_sources(self, tokens: Mapping[str, int]) -> dict[str, float]:
        """Share of each source within its part from its number of tokens; zeros for what is empty or left out."""
        sized = {name: number * self.weights.get(name, 1.0) for name, number in tokens.items()}
        most = max(sized.values(), default=0.0) or 1.0  # over the largest first, so that no power overflows
        heated = {name: (size / most) ** (1 / self.temperature) for name, size in sized.items()}
        total = sum(heated.values()) or 1.0
        return {name: each / total for name, each in heated.items()}

"""The verdict on an extended tokenizer: what it saves and costs beside the base's own, and how its pilots scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from domain.release.scores import RelativeChange
from domain.spec import Spec


class TokenCount(Spec):
    """Tokens of one part of the training text under both tokenizers, and the share saved; None without text."""

    kept: int
    extended: int
    saved: float | None


class Cost(Spec):
    """One quantity of a model with the kept and with the extended tokenizer."""

    kept: float
    extended: float

    @property
    def growth(self) -> float:
        """The relative increase."""
        return self.extended / self.kept - 1.0


class PilotBudget(Spec):
    """What the three pilots spent in all, and the tokens that each read."""

    flops: float
    tokens: Mapping[str, int]


class BreakEven(Spec):
    """Domain tokens to train on, or to serve, until the saving has paid for the pilots; None if it never does."""

    trained: int | None
    served: int | None


class PilotScore(Spec):
    """Bits per byte of each pilot on one part of the validation text, and the changes from the ``kept`` pilot."""

    bits: Mapping[str, float]
    changes: Mapping[str, RelativeChange]
    units: int
    bytes: int


class ExtensionVerdict(Spec):
    """``flops_per_token`` is of training, forward and backward; serving takes a third of it."""

    tokens: Mapping[str, TokenCount]
    parameters: Cost
    flops_per_token: Cost
    flops_per_domain_text: float
    pilot: PilotBudget
    break_even: BreakEven
    scores: Mapping[str, PilotScore]
    recommended: Literal["keep", "extend"]
    reasons: tuple[str, ...]

    def sentences(self) -> list[str]:
        """Saving, cost, break-even, quality of the pilots, and the recommendation."""
        saved = {part: count.saved or 0.0 for part, count in self.tokens.items()}
        added = round(self.parameters.extended - self.parameters.kept)
        if self.break_even.trained is None or self.break_even.served is None:
            pays = "The cost of the pilots is never recovered: domain text takes more FLOPs than before."
        else:
            pays = (
                f"The cost of the pilots is recovered after {self.break_even.trained:,} tokens of domain text in "
                f"training, or {self.break_even.served:,} in serving."
            )
        return [
            f"The extension takes {saved['domain']:.1%} fewer tokens for domain text and "
            f"{saved['general']:.1%} fewer for general text.",
            f"It adds {added:,} parameters ({self.parameters.growth:+.1%}) and {self.flops_per_token.growth:+.1%} "
            f"FLOPs a token; domain text takes {abs(self.flops_per_domain_text):.1%} "
            f"{'fewer' if self.flops_per_domain_text < 0 else 'more'} FLOPs in all. {pays}",
            *self.reasons,
            f"The pilots recommend: {self.recommended}.",
        ]

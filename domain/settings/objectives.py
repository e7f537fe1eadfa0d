"""The objectives of a recipe and their settings."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from domain.spec import Share, Spec

Family = Literal["decoder", "encoder", "encoder_decoder"]


class Causal(Spec):
    """Predict the next token."""

    family: ClassVar[Family] = "decoder"
    kind: Literal["causal"] = "causal"
    z_loss: Annotated[
        float, Field(ge=0.0, le=1.0, description="weight of log(Z)^2, which keeps logits small (PaLM: 1e-4)")
    ] = 0.0


class Masked(Spec):
    """Predict masked tokens from both sides."""

    family: ClassVar[Family] = "encoder"
    kind: Literal["masked"] = "masked"
    share: Annotated[Share, Field(gt=0.0, lt=1.0, description="share of the tokens that are predicted")] = 0.15
    whole_words: Annotated[bool, Field(description="predict all pieces of a word, or none")] = False


class Span(Spec):
    """Predict the spans that sentinels replace."""

    family: ClassVar[Family] = "encoder_decoder"
    kind: Literal["span"] = "span"
    share: Annotated[Share, Field(gt=0.0, lt=1.0, description="share of the tokens that are removed")] = 0.15
    length: Annotated[float, Field(ge=1.0, le=1_000, description="mean length of a span, in tokens")] = 3.0


class Denoising(Spec):
    """Restore a text from a noised one."""

    family: ClassVar[Family] = "encoder_decoder"
    kind: Literal["denoising"] = "denoising"
    share: Annotated[Share, Field(gt=0.0, lt=1.0, description="share of the tokens that masks replace")] = 0.3
    length: Annotated[float, Field(ge=1.0, le=1_000, description="mean length of a span (Poisson), in tokens")] = 3.0
    permute: Annotated[bool, Field(description="permute the sentences")] = True


def _short(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


ObjectiveSettings = Annotated[
    Annotated[Causal | Masked | Span | Denoising, Field(discriminator="kind")], BeforeValidator(_short)
]

"""How many tokens pass through encoder, decoder and head for a row of text, by objective."""

from __future__ import annotations

from dataclasses import dataclass

from domain.settings.objectives import Causal, Denoising, Family, Masked, ObjectiveSettings, Span

DEFAULT: dict[Family, ObjectiveSettings] = {"decoder": Causal(), "encoder": Masked(), "encoder_decoder": Span()}


@dataclass(frozen=True)
class TokenFlow:
    """For ``raw`` tokens of text: ``read`` encoder tokens, ``written`` decoder tokens, and ``predicted`` labels."""

    raw: float
    read: float
    written: float
    predicted: float


def token_flow(objective: ObjectiveSettings | TokenFlow, context: float) -> TokenFlow:
    """A row with ``context`` tokens of input; ``objective`` is that of a recipe, or the result itself."""
    match objective:
        case TokenFlow():
            return objective
        case Masked():
            return TokenFlow(context, context, 0, objective.share * context)
        case Span():
            raw = int(context)
            while max(spans(objective, raw + 1)) <= context:
                raw += 1
            read, written = spans(objective, raw)
            return TokenFlow(raw, read, written, written)
        case Denoising():
            text = context - 2  # begin and end
            left_out = objective.share * text
            return TokenFlow(text, text - left_out + left_out / objective.length + 2, context, context)
        case _:
            return TokenFlow(context, 0, context, context)


def spans(objective: Span, raw: int) -> tuple[int, int]:
    """Tokens of input and target for ``raw`` tokens of text (arXiv 1910.10683, section 3.1.4): 512 and 114 for 568."""
    left_out = min(max(round(raw * objective.share), 1), raw - 1)
    count = max(round(left_out / objective.length), 1)
    return raw - left_out + count + 1, left_out + count + 1

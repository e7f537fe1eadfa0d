"""FLOPs per token of a training, and the compute-optimal number of tokens."""

from __future__ import annotations

from dataclasses import dataclass

from domain.cost.shape import Shape
from domain.cost.token_flow import DEFAULT, TokenFlow, token_flow
from domain.settings.objectives import ObjectiveSettings

# Chinchilla's law, loss = 1.8172 + A / parameters^ALPHA + B / tokens^BETA, re-estimated (arXiv 2404.10102, table 1).
A, ALPHA, B, BETA = 482.01, 0.3478, 2085.43, 0.3658


@dataclass(frozen=True)
class Forward:
    """Forward FLOPs per token of text: the layers' matrices, attention, and the head."""

    layers: float
    attention: float
    head: float


def forward(shape: Shape, row: TokenFlow) -> Forward:
    """Twice the parameters per token (arXiv 2001.08361); embedding look-ups are free, the head is not.

    Attention is 4 layers x width x context (arXiv 2204.02311, appendix B), the full square whatever is masked. In an
    encoder-decoder each token of text passes only the stacks that read it.
    """
    body = shape.parameters - shape.lookup - shape.head
    if shape.family != "encoder_decoder":
        length = row.read + row.written
        attention = 4.0 * shape.layers * shape.queries * length**2
        return Forward(2.0 * body * length / row.raw, attention / row.raw, 2.0 * shape.head * row.predicted / row.raw)
    behind = body - shape.encoder - shape.across
    matrices = (shape.encoder + shape.across) * row.read + behind * row.written
    squares = shape.encoder_layers * row.read**2 + shape.layers * (row.written + row.read) * row.written
    return Forward(
        2.0 * matrices / row.raw, 4.0 * shape.queries * squares / row.raw, 2.0 * shape.head * row.predicted / row.raw
    )


def flops_per_token(shape: Shape, context: float, objective: ObjectiveSettings | TokenFlow | None = None) -> float:
    """Forward and backward FLOPs of a token of text in rows of ``context``: three times the forward pass.

    For decoders and encoders this is 6 N plus attention. ``objective`` None is the family's default.
    """
    there = forward(shape, token_flow(objective or DEFAULT[shape.family], context))
    return 3.0 * (there.layers + there.attention + there.head)


def done_per_token(
    shape: Shape,
    context: float,
    objective: ObjectiveSettings | TokenFlow,
    *,
    recompute: str = "none",
    frozen: bool = False,
    head: bool = True,
) -> float:
    """FLOPs per token that the device computes: with full recomputation the layers once more (8 N).

    No weight gradients are computed for ``frozen`` layers (4 N), nor for the head if ``head`` is false.
    """
    there = forward(shape, token_flow(objective, context))
    again = there.layers + there.attention if recompute == "full" else 0.0
    spared = (there.layers if frozen else 0.0) + (0.0 if head else there.head)
    return flops_per_token(shape, context, objective) + again - spared


def optimal_tokens(parameters: float) -> float:
    """Compute-optimal tokens for a model of this size by Chinchilla's law.

    With C = 6 N D fixed, the optimum has ALPHA A / N^ALPHA = BETA B / D^BETA.
    """
    return float((BETA * B * parameters**ALPHA / (ALPHA * A)) ** (1.0 / BETA))

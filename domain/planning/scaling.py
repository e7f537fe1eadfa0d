"""FLOPs of a training, and what the scaling law says of model size against tokens."""

from __future__ import annotations

from domain.planning.shape import Shape

# Chinchilla's parametric law with the re-estimated constants (arXiv 2404.10102, table 1).
IRREDUCIBLE, A, ALPHA, B, BETA = 1.8172, 482.01, 0.3478, 2085.43, 0.3658


def flops_per_token(shape: Shape, context: int) -> float:
    """Forward and backward FLOPs of one token: 6 N, and 12 layers x width x context for attention.

    arXiv 2204.02311, appendix B; the full square is counted, since an explicit mask computes it whole.
    """
    return 6.0 * shape.parameters + 12.0 * shape.layers * shape.width * context


def predicted_loss(parameters: float, tokens: float) -> float:
    """Chinchilla's law: loss in nats per token of its own tokenizer and data, for models from scratch."""
    return float(IRREDUCIBLE + A / parameters**ALPHA + B / tokens**BETA)


def optimal_tokens(parameters: float) -> float:
    """Tokens at which a model of this size is compute-optimal by that law.

    With C = 6 N D fixed, the optimum has ALPHA A / N^ALPHA = BETA B / D^BETA.
    """
    return float((BETA * B * parameters**ALPHA / (ALPHA * A)) ** (1.0 / BETA))

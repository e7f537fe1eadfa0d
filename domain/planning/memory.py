"""Memory of one learning process, part by part."""

from __future__ import annotations

from domain.planning.shape import Shape

FIXED = {"cpu": 0.6e9, "cuda": 1.2e9}  # Python, torch and transformers loaded; on a GPU also its context


def training_memory(shape: Shape, *, context: int, micro_batch: int, bf16: bool, device: str) -> dict[str, float]:
    """Bytes by part, without recomputation.

    Weights, gradients and two AdamW moments in fp32 are 16 bytes a parameter, the autocast copy 2 more.
    Activations per layer follow arXiv 2205.05198, equation 1 (16-bit): s b h (34 + 5 a s / h) bytes, of
    which fused attention keeps no a s s b matrix. Logits are held in compute precision, in fp32 and as
    a gradient.
    """
    wide = 1.0 if bf16 else 2.0
    tokens = max(micro_batch, context)
    return {
        "weights": 4.0 * shape.parameters,
        "autocast copy": 2.0 * shape.parameters if bf16 else 0.0,
        "gradients": 4.0 * shape.parameters,
        "optimizer": 8.0 * shape.parameters,
        "activations": wide * 34.0 * tokens * shape.width * shape.layers,
        "logits": (2.0 * wide + 4.0 + 4.0) * tokens * shape.vocabulary,
        "libraries": FIXED[device],
    }

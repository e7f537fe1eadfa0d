"""Models whose numbers their papers and configurations state."""

from __future__ import annotations

from domain.cost.shape import Shape, shape_of
from domain.model.spec import Base, Scratch

LLAMA_7B = shape_of(
    Base(scratch=Scratch(width=4_096, layers=32, heads=32, ffn=11_008, context=4_096, tied=False), tokens=1), 32_000
)
CHINCHILLA = Shape(parameters=70_000_000_000, layers=80, width=8_192, heads=64, vocabulary=32_000, context=2_048)
# T5-base 1.0 (arXiv 1910.10683): 12 + 12 layers of width 768, inner size 3,072, one matrix of 32,128 rows. A layer of
# the encoder has 4 x 768^2 + 2 x 768 x 3,072 = 7,077,888 weights in matrices, one of the decoder 4 x 768^2 more.
T5_BASE = Shape(
    parameters=12 * 7_077_888 + 12 * 9_437_184 + 32_128 * 768,
    layers=12,
    encoder_layers=12,
    width=768,
    heads=12,
    vocabulary=32_128,
    context=512,
    family="encoder_decoder",
    architecture="t5",
    inner=3_072,
    encoder=12 * 7_077_888,
    across=12 * 2 * 768**2,
)

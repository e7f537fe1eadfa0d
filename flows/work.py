"""What a model is for, which family does it best, and a public base to begin from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """An objective, why, a base on the hub (licence), and whether a run can draw it from scratch by this name."""

    objective: str
    why: str
    base: str
    scratch: str


ENCODER = "an encoder reads each word with what stands on both sides of it, and needs a small head to decide"
PAIR = "an encoder-decoder reads the whole text first and then writes another, so input and output may differ freely"
DECODER = "a decoder writes on from any prompt, so one model serves many tasks, with examples in the prompt or none"

WORK = {
    "classify": Choice("masked", ENCODER, "answerdotai/ModernBERT-base (apache-2.0)", "modernbert"),
    "tag": Choice("masked", ENCODER, "answerdotai/ModernBERT-base (apache-2.0)", "modernbert"),
    "generate": Choice("causal", DECODER, "Qwen/Qwen3-0.6B-Base (apache-2.0)", "llama"),
    "summarise": Choice("denoising", PAIR, "facebook/bart-base (apache-2.0)", "bart"),
    "translate": Choice("span", PAIR, "google/t5-v1_1-base (apache-2.0)", "t5"),
    "answer": Choice("span", PAIR, "google/t5-v1_1-base (apache-2.0)", "t5"),
}

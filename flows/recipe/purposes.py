"""What a model is for: the family that suits each purpose, and a public base to start from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Purpose:
    """An objective, why, a base on the hub (licence), its name from scratch, and an order by which it may be tuned."""

    objective: str
    why: str
    base: str
    scratch: str
    order: str = ""


ENCODER = "an encoder reads each word with what stands on both sides of it, and needs a small head to decide"
PAIR = "an encoder-decoder reads the whole text first and then writes another, so input and output may differ freely"
DECODER = "a decoder writes on from any prompt, so one model serves many tasks, with examples in the prompt or none"

PURPOSES = {
    "classify": Purpose("masked", ENCODER, "answerdotai/ModernBERT-base (apache-2.0)", "modernbert"),
    "tag": Purpose("masked", ENCODER, "answerdotai/ModernBERT-base (apache-2.0)", "modernbert"),
    "generate": Purpose("causal", DECODER, "Qwen/Qwen3-0.6B-Base (apache-2.0)", "llama", "Name the parties."),
    "summarise": Purpose("denoising", PAIR, "facebook/bart-base (apache-2.0)", "bart", "Summarise it."),
    "translate": Purpose("span", PAIR, "google/t5-v1_1-base (apache-2.0)", "t5", "Translate it into German."),
    "answer": Purpose("span", PAIR, "google/t5-v1_1-base (apache-2.0)", "t5", "When does it end?"),
}

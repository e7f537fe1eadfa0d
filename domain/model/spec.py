"""The base in a recipe: an architecture and sizes to train from scratch, or pretrained weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from domain.pretrained.weights import weights_identity
from domain.settings.learning import Learning
from domain.settings.objectives import Family
from domain.spec import Count, Spec, Weights

Architecture = Literal["llama", "qwen3", "gpt2", "bloom", "bert", "roberta", "modernbert", "t5", "bart"]
FAMILIES: dict[str, Family] = {
    "llama": "decoder", "qwen3": "decoder", "gpt2": "decoder", "bloom": "decoder",
    "bert": "encoder", "roberta": "encoder", "modernbert": "encoder",
    "t5": "encoder_decoder", "bart": "encoder_decoder",
}  # fmt: skip
ROTARY = {"llama", "qwen3", "modernbert"}
GATED = {"llama", "qwen3", "modernbert", "t5"}  # the feed-forward block has three matrices instead of two
GROUPED = {"llama", "qwen3"}
ONE_MATRIX = {"bert", "roberta", "t5", "bart"}  # for embedding and head: transformers always ties them


class Scratch(Spec):
    """A model's shape. ``ffn: 0`` is 8/3 of the width if the block is gated, else 4 times, rounded up to 64."""

    architecture: Architecture = "llama"
    width: Annotated[Count, Field(le=262_144, description="hidden size")] = 192
    layers: Annotated[Count, Field(le=2_000, description="layers; for an encoder-decoder, of each stack")] = 4
    heads: Annotated[Count, Field(le=65_536)] = 4
    kv_heads: Annotated[
        int, Field(ge=0, le=65_536, description="key-value heads (llama, qwen3); 0: as many as heads")
    ] = 0
    ffn: Annotated[int, Field(ge=0, le=10**7, description="inner size of the feed-forward block")] = 0
    context: Annotated[Count, Field(le=10**7, description="longest text in tokens")] = 512
    tied: Annotated[bool, Field(description="output head shares the embedding matrix")] = True

    @model_validator(mode="after")
    def _fits(self) -> Scratch:
        kind, size = self.architecture, self.width // self.heads
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}; change one of them")
        if kind in ROTARY and size % 2:
            raise ValueError(f"width / heads is {size}; rotary positions need it even")
        if self.kv_heads and kind not in GROUPED:
            raise ValueError(f"{kind} has as many key-value heads as heads; drop kv_heads")
        if self.kv_heads and self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is not a multiple of kv_heads {self.kv_heads}; change one of them")
        if kind == "bloom" and self.ffn not in (0, 4 * self.width):
            raise ValueError(f"the inner size of bloom is 4 times its width, {4 * self.width}; drop ffn")
        if kind in ONE_MATRIX and not self.tied:
            raise ValueError(f"the head of {kind} is its embedding; drop tied")
        return self

    @property
    def family(self) -> Family:
        """The model family, which determines the objectives."""
        return FAMILIES[self.architecture]

    @property
    def inner(self) -> int:
        """Inner size of the feed-forward block."""
        if self.ffn or self.architecture == "bloom":
            return self.ffn or 4 * self.width
        wished = self.width * 8 // 3 if self.architecture in GATED else self.width * 4
        return -(-wished // 64) * 64


Initial = Literal["mean", "weighted", "zero_output", "random"]


def padded(pieces: int, multiple: int) -> int:
    """Rows for ``pieces``, rounded up to a multiple, since matrix products are fastest in whole tiles.

    With 50,304 rows (a multiple of 64) instead of 50,257 a GPT-2 trains about 25% faster on a GPU (A. Karpathy,
    nanoGPT, 2023).
    """
    return -(-pieces // multiple) * multiple


class Base(Spec):
    """``weights`` (hub id with revision, or a folder), or ``scratch`` with the general ``tokens`` to train on."""

    weights: Annotated[Weights, Field(description="org/model@commit, or a folder in the transformers layout")] = ""
    chat: Annotated[
        bool, Field(description="confirm weights of a chat model, whose tuning pretraining on text undoes")
    ] = False
    scratch: Scratch | None = None
    tokens: Annotated[
        Count | None, Field(description="general tokens that a base from scratch is first trained on")
    ] = None
    learning: Annotated[Learning, Field(description="how a base from scratch is trained")] = Learning()
    embedding_init: Annotated[Initial, Field(description="how rows of new pieces are initialized from old ones")] = (
        "mean"
    )
    pad_rows: Annotated[
        int, Field(ge=1, le=1_024, description="round rows up to a multiple of this; 128 suits GPUs, 1: no padding")
    ] = 64

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"weights": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> Base:
        if bool(self.weights) == (self.scratch is not None):
            raise ValueError("set either weights or scratch, not both or neither")
        if self.scratch is not None and self.tokens is None:
            raise ValueError("a base from scratch needs tokens, such as 1.2M")
        if self.weights and self.tokens is not None:
            raise ValueError("existing weights are not trained first; drop tokens")
        if self.scratch is not None and self.chat:
            raise ValueError("chat is for existing weights; drop it")
        if self.scratch is not None and self.embedding_init != "mean":
            raise ValueError("embedding_init is for new rows of existing weights; drop it")
        return self

    def identity_key(self) -> dict[str, Any]:
        """Pretrained weights enter by content or pinned revision, never by path."""
        if self.weights:
            return {
                "weights": weights_identity(self.weights),
                "initial": self.embedding_init,
                "pad_rows": self.pad_rows,
            }
        return self.model_dump(mode="json", exclude={"weights", "initial", "chat"})

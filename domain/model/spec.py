"""The base: an architecture and a size to begin from scratch, or weights that are given."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from domain.model.weights import weights_asked
from domain.spec import Count, Spec
from domain.training.spec import Learning


class Scratch(Spec):
    """A decoder's shape. ``ffn`` 0 is 8/3 of the width (Llama) or 4 times (GPT-2), in steps of 64."""

    architecture: Literal["llama", "gpt2"] = "llama"
    width: Annotated[Count, Field(description="hidden size")] = 192
    layers: Count = 4
    heads: Count = 4
    kv_heads: Annotated[int, Field(ge=0, description="key-value heads (llama); 0 is as many as heads")] = 0
    ffn: Annotated[int, Field(ge=0, description="inner size of the feed-forward block")] = 0
    context: Annotated[Count, Field(description="longest text in tokens")] = 512
    tied: Annotated[bool, Field(description="output head shares the embedding matrix")] = True

    @model_validator(mode="after")
    def _divides(self) -> Scratch:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}; change one of them")
        if (self.width // self.heads) % 2:
            raise ValueError(f"width / heads is {self.width // self.heads}; rotary positions need it even")
        if self.kv_heads and self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is no multiple of kv_heads {self.kv_heads}; change one of them")
        return self

    @property
    def inner(self) -> int:
        """Inner size of the feed-forward block."""
        if self.ffn:
            return self.ffn
        wished = self.width * 4 if self.architecture == "gpt2" else self.width * 8 // 3
        return -(-wished // 64) * 64


Initial = Literal["mean", "weighted", "zero_output", "random"]


def padded(pieces: int, multiple: int) -> int:
    """Rows for so many pieces: the next multiple, since matrix products are fastest in whole tiles.

    From 50,257 to 50,304 rows (64) a GPT-2 trains about a quarter faster on a GPU (A. Karpathy, nanoGPT, 2023).
    """
    return -(-pieces // multiple) * multiple


class Base(Spec):
    """``weights`` (hub id with revision, or a local folder), or ``scratch`` with the general tokens it first learns."""

    weights: Annotated[str, Field(description="org/model@revision, or a folder in the transformers layout")] = ""
    scratch: Scratch | None = None
    tokens: Annotated[Count | None, Field(description="general tokens that a scratch base is first trained on")] = None
    learning: Annotated[Learning, Field(description="how a scratch base is trained")] = Learning()
    initial: Annotated[
        Initial, Field(description="how rows begin that given weights get for new pieces: from the old pieces' rows")
    ] = "mean"
    pad_rows: Annotated[
        int, Field(ge=1, le=1_024, description="rows are a multiple of this; 128 suits a GPU, 1 pads nothing")
    ] = 64

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"weights": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> Base:
        if bool(self.weights) == (self.scratch is not None):
            raise ValueError("name existing weights, or an architecture under scratch: one of the two")
        if self.scratch is not None and self.tokens is None:
            raise ValueError("a base from scratch needs tokens, such as 1.2M")
        if self.weights and self.tokens is not None:
            raise ValueError("existing weights are not trained first; drop tokens")
        if self.scratch is not None and self.initial != "mean":
            raise ValueError("initial is for new rows of existing weights; drop it")
        return self

    def asked(self) -> dict[str, Any]:
        """Given weights are asked for by their content or pinned revision, never by a path."""
        if self.weights:
            return {"weights": weights_asked(self.weights), "initial": self.initial, "pad_rows": self.pad_rows}
        return self.model_dump(mode="json", exclude={"weights", "initial"})

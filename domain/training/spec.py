"""How a model learns: tokens, batch, learning rate and its course, optimizer, objective and mixture."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from domain.spec import Count, Share, Spec
from domain.tokens.mixture import Mixture
from domain.tokens.packing import Packing

LONGEST_ROW = 2_048  # tokens of a row where a model would take longer ones
# Tokens per forward pass. On 2 CPU cores 2,048 are 1.4 times as fast as 8,192: activations stay in the cache.
MICRO_BATCH = {"cpu": 2_048, "cuda": 16_384}


class Learning(Spec):
    """What every training states; the defaults suit models of a few million parameters."""

    batch: Annotated[Count, Field(description="tokens per optimizer step")] = 8_192
    context: Annotated[
        Count | None, Field(description="tokens per row; the model's own (at most 2,048) if not set")
    ] = None
    packing: Annotated[
        Packing, Field(description="stream cuts documents at rows' ends; best_fit keeps them whole and pads")
    ] = "stream"
    learning_rate: Annotated[float, Field(gt=0, description="peak rate")] = 1e-3
    warmup: Annotated[Share, Field(description="share of the steps over which the rate rises from 0")] = 0.05
    decay: Annotated[Literal["cosine", "linear", "none"], Field(description="course of the rate after warm-up")] = (
        "cosine"
    )
    floor: Annotated[Share, Field(description="share of the peak rate at which the decay ends")] = 0.1
    weight_decay: Annotated[float, Field(ge=0, description="AdamW; not on norms, biases and embeddings")] = 0.1
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    clip: Annotated[float, Field(gt=0, description="largest gradient norm")] = 1.0
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _whole(self) -> Learning:
        if self.context is not None and self.batch < self.context:
            raise ValueError(f"batch {self.batch:,} is smaller than one row of {self.context:,} tokens; raise it")
        return self


class Training(Learning):
    """Continued pretraining of one arm."""

    objective: Annotated[Literal["causal"], Field(description="a file in domain/training/objectives")] = "causal"
    tokens: Annotated[Count | None, Field(description="tokens to read; plan --write derives it from the budget")] = None
    mixture: Mixture = Mixture()
    new_rows_first: Annotated[
        float, Field(ge=0, le=0.02, description="share of the steps in which only rows of new pieces learn, if any are")
    ] = 0.02

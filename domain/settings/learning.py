"""Training settings: tokens, batch, learning rate and its schedule, optimizer, objective, mixture, validation, LoRA."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.settings.objectives import Causal, ObjectiveSettings
from domain.spec import Bytes, Count, Seed, Share, Spec
from domain.tokens.mixture import Mixture
from domain.tokens.packing import Packing

LONGEST_ROW = 2_048  # default limit for the tokens of a row, if the model takes longer ones
# Tokens per forward pass. On 2 CPU cores 2,048 is 1.4 times as fast as 8,192: activations stay in the cache.
MICRO_BATCH = {"cpu": 2_048, "cuda": 16_384}


class Spikes(Spec):
    """Which steps are skipped, and when training rolls back (as PaLM did by hand, arXiv 2204.02311)."""

    sigmas: Annotated[
        float,
        Field(
            ge=0,
            le=1_000,
            description="skip steps with a loss or gradient norm this many deviations above the mean; 0: none",
        ),
    ] = 6.0
    window: Annotated[int, Field(ge=2, le=10_000, description="steps over which mean and deviation are computed")] = 128
    in_a_row: Annotated[Count, Field(description="skipped steps in a row after which training rolls back")] = 3
    anchor: Annotated[Count, Field(description="steps between anchors (states to roll back to)")] = 250


class Validation(Spec):
    """How often held-out text is scored, so that forgetting is noticed while training can still be stopped."""

    every: Annotated[
        int, Field(ge=0, le=10**9, description="steps between validations, and after the last step; 0: never")
    ] = 250
    bytes: Annotated[Bytes, Field(description="bytes of validation text scored each time, per part")] = 50_000
    alarm: Annotated[
        float | None,
        Field(
            gt=0,
            le=1_000,
            description="log a warning if general bits per byte rise by this share over the first validation",
        ),
    ] = 0.05
    stop: Annotated[float | None, Field(gt=0, le=1_000, description="stop the training if they rise by this share")] = (
        None
    )


class Lora(Spec):
    """Train low-rank updates instead of whole matrices."""

    rank: Annotated[Count, Field(le=65_536, description="rank of the updates")] = 16
    alpha: Annotated[Count, Field(le=10**6, description="updates are scaled by alpha / rank")] = 32
    targets: Annotated[
        tuple[str, ...], Field(description="names of the matrices, e.g. q_proj; empty: all but embedding and head")
    ] = ()
    embeddings: Annotated[
        bool, Field(description="also train embedding and head in full; always done if the vocabulary was extended")
    ] = False


class Optimization(Spec):
    """Settings of every training; the defaults suit models of a few million parameters."""

    batch: Annotated[Count, Field(le=10**9, description="tokens per optimizer step")] = 8_192
    context: Annotated[
        Count | None, Field(le=10**7, description="tokens per row; the model's own (at most 2,048) if not set")
    ] = None
    learning_rate: Annotated[float, Field(gt=0, le=1, description="peak rate")] = 1e-3
    warmup: Annotated[Share, Field(description="share of the steps over which the rate rises from 0")] = 0.05
    warmup_tokens: Annotated[
        Count | None, Field(description="warm-up in tokens instead, independent of the length of the training")
    ] = None
    decay: Annotated[
        Literal["cosine", "linear", "wsd", "none"],
        Field(description="after warm-up; wsd: constant, then a short decay (needs warmup_tokens)"),
    ] = "cosine"
    decay_share: Annotated[Share, Field(gt=0, description="share of the steps in which wsd decays")] = 0.1
    final_rate: Annotated[Share, Field(description="share of the peak rate at which the decay ends")] = 0.1
    weight_decay: Annotated[float, Field(ge=0, le=10, description="AdamW; not on norms, biases and embeddings")] = 0.1
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    clip: Annotated[float, Field(ge=1e-6, le=10**6, description="largest gradient norm")] = 1.0
    spikes: Spikes = Spikes()
    seed: Seed = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.context is not None and self.batch < self.context:
            raise ValueError(f"batch {self.batch:,} is smaller than one row of {self.context:,} tokens; raise it")
        if self.decay == "wsd" and self.warmup_tokens is None:
            raise ValueError("decay wsd needs warmup_tokens, since a share of the steps changes with their number")
        return self


class Learning(Optimization):
    """Settings of a training on text."""

    objective: Annotated[ObjectiveSettings, Field(description="causal, masked, span or denoising")] = Causal()
    packing: Annotated[
        Packing,
        Field(description="stream splits documents at row ends; best_fit keeps them whole; separate: one per row"),
    ] = "stream"
    validation: Validation = Validation()


class Training(Learning):
    """Continued pretraining of one arm."""

    tokens: Annotated[Count | None, Field(description="tokens to read; plan --write derives it from the budget")] = None
    mixture: Mixture = Mixture()
    lora: Annotated[Lora | None, Field(description="low-rank updates for small GPUs, merged at the end")] = None
    embedding_warmup: Annotated[
        float, Field(ge=0, le=0.02, description="share of the steps that train only the rows of new pieces, if any")
    ] = 0.02

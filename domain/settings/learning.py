"""How a model learns: tokens, batch, learning rate and its course, optimizer, objective and mixture."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.settings.objectives import Causal, ObjectiveSettings
from domain.spec import Bytes, Count, Share, Spec
from domain.tokens.mixture import Mixture
from domain.tokens.packing import Packing

LONGEST_ROW = 2_048  # tokens of a row where a model would take longer ones
# Tokens per forward pass. On 2 CPU cores 2,048 are 1.4 times as fast as 8,192: activations stay in the cache.
MICRO_BATCH = {"cpu": 2_048, "cuda": 16_384}


class Spikes(Spec):
    """Which steps are skipped, and when training goes back behind them (as PaLM did by hand, arXiv 2204.02311)."""

    sigmas: Annotated[
        float, Field(ge=0, description="a loss or gradient norm so many deviations above the mean is skipped; 0: never")
    ] = 6.0
    window: Annotated[int, Field(ge=2, le=10_000, description="steps that mean and deviation are taken of")] = 128
    in_a_row: Annotated[Count, Field(description="so many skipped steps lead back to the last anchor")] = 3
    anchor: Annotated[Count, Field(description="steps from one anchor (a state to go back to) to the next")] = 250


class Validation(Spec):
    """How often the loop looks at held-out text, so that forgetting is seen while it can be stopped."""

    every: Annotated[int, Field(ge=0, description="steps from one look to the next, the last step too; 0: never")] = 250
    bytes: Annotated[Bytes, Field(description="validation text scored at each look, per part")] = 50_000
    alarm: Annotated[
        float | None, Field(gt=0, description="general bits per byte above the first look, as a share, that is told")
    ] = 0.05
    stop: Annotated[float | None, Field(gt=0, description="and that ends the training there")] = None


class Lora(Spec):
    """Low-rank updates instead of whole matrices."""

    rank: Annotated[Count, Field(description="rank of an update")] = 16
    alpha: Annotated[Count, Field(description="updates are scaled by alpha / rank")] = 32
    targets: Annotated[
        tuple[str, ...], Field(description="names of the matrices, such as q_proj; all but embedding and head if empty")
    ] = ()
    embeddings: Annotated[
        bool, Field(description="embedding and head learn whole too; they do anyway where the vocabulary grew")
    ] = False


class Optimization(Spec):
    """What every training states, whatever it reads; the defaults suit models of a few million parameters."""

    batch: Annotated[Count, Field(description="tokens per optimizer step")] = 8_192
    context: Annotated[
        Count | None, Field(description="tokens per row; the model's own (at most 2,048) if not set")
    ] = None
    learning_rate: Annotated[float, Field(gt=0, le=1, description="peak rate")] = 1e-3
    warmup: Annotated[Share, Field(description="share of the steps over which the rate rises from 0")] = 0.05
    warmup_tokens: Annotated[Count | None, Field(description="the same in tokens, whatever comes after")] = None
    decay: Annotated[
        Literal["cosine", "linear", "wsd", "none"],
        Field(description="course of the rate after warm-up; wsd: constant, then a short decay (needs warmup_tokens)"),
    ] = "cosine"
    decay_share: Annotated[Share, Field(gt=0, description="share of the steps in which wsd decays")] = 0.1
    final_rate: Annotated[Share, Field(description="share of the peak rate at which the decay ends")] = 0.1
    weight_decay: Annotated[float, Field(ge=0, description="AdamW; not on norms, biases and embeddings")] = 0.1
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.95
    clip: Annotated[float, Field(gt=0, description="largest gradient norm")] = 1.0
    spikes: Spikes = Spikes()
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.context is not None and self.batch < self.context:
            raise ValueError(f"batch {self.batch:,} is smaller than one row of {self.context:,} tokens; raise it")
        if self.decay == "wsd" and self.warmup_tokens is None:
            raise ValueError("decay wsd needs warmup_tokens: a share of the steps would change with their number")
        return self


class Learning(Optimization):
    """How a model learns from text."""

    objective: Annotated[ObjectiveSettings, Field(description="causal, masked, span or denoising")] = Causal()
    packing: Annotated[
        Packing,
        Field(description="stream cuts documents at rows' ends; best_fit keeps them whole; separate: one a row"),
    ] = "stream"
    validation: Validation = Validation()


class Training(Learning):
    """Continued pretraining of one arm."""

    tokens: Annotated[Count | None, Field(description="tokens to read; plan --write derives it from the budget")] = None
    mixture: Mixture = Mixture()
    lora: Annotated[Lora | None, Field(description="low-rank updates for small GPUs, merged in the end")] = None
    embedding_warmup: Annotated[
        float, Field(ge=0, le=0.02, description="share of the steps in which only rows of new pieces learn, if any are")
    ] = 0.02

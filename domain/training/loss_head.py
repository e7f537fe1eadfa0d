"""Cross-entropy loss over the vocabulary, chunk by chunk, so that full logits are never in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from torch import nn
from torch.autograd.function import FunctionCtx, once_differentiable

from domain.tokens.batch import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits per chunk, which is one matrix product, and per slice, whose softmax stays in a CPU's cache (1 MB in fp32).
# 2,048 tokens in bf16 on 2 cores take 88 ms with 8,192 pieces (96 with chunks of 2^21, 93 unchunked, 100 without
# slices) and 390 with 32,768 (440 with chunks of 256 tokens: the matrix's gradient is accumulated more often). On a
# GPU, larger operations are faster.
LOGITS_PER_CHUNK = {"cpu": 2**22, "cuda": 2**28}
SLICE = {"cpu": 2**18, "cuda": 2**28}
FEWEST = 512


class Head:
    """``head.loss(inputs, labels)``: the summed cross-entropy of ``model``'s forward pass, in nats.

    The loss is computed inside the forward pass of the output embedding, so its hooks run as usual (FSDP2 gathers the
    matrix and reduces its gradient), and the model returns the loss in place of logits. ``chunked`` is false for
    architectures that change their logits afterwards (soft caps, scales, a separate bias) or whose head is not a plain
    matrix; this is tested on creation, and full logits are used then. Create it before the model is sharded or
    compiled. ``z_loss`` is the weight of log(Z)^2 (PaLM, arXiv 2204.02311).
    """

    def __init__(self, model: PreTrainedModel, z_loss: float = 0.0) -> None:
        self.model, self.z_loss = model, z_loss
        self.matrix = model.get_output_embeddings()
        self.chunked = isinstance(self.matrix, torch.nn.Linear) and ends_in(model, self.matrix)

    def loss(self, inputs: dict[str, Any], labels: torch.Tensor) -> torch.Tensor:
        """fp32 scalar: summed over the positions of ``labels`` (int64 [rows, length]) that are not ``IGNORED``.

        Only these are multiplied with the matrix, in masked training a seventh of all. Keep ``labels`` on the host:
        counting them on a device would synchronize. Without any position, loss and gradients are 0.
        """
        places = (labels.flatten() != IGNORED).nonzero().flatten()
        wanted = labels.flatten()[places]

        def taken(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            here = places.to(features.device, non_blocking=True)
            return features.flatten(0, -2).index_select(0, here), wanted.to(features.device, non_blocking=True)

        def inside(features: torch.Tensor) -> torch.Tensor:
            return linear_loss(*taken(features), self.matrix.weight, self.matrix.bias, self.z_loss)

        if not self.chunked:
            return plain_loss(*taken(self.model(**inputs, use_cache=False).logits), self.z_loss)
        with instead(self.matrix, inside):
            loss: torch.Tensor = self.model(**inputs, use_cache=False).logits.flatten()[0]  # BART adds a row of zeros
        return loss


@contextmanager
def instead(module: nn.Module, forward: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Replace the forward pass of ``module`` within the block; hooks still run."""
    own = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if own is None:
            del module.forward
        else:
            module.forward = own


def ends_in(model: PreTrainedModel, matrix: torch.nn.Linear) -> bool:
    """Whether the model's logits are exactly the output of the matrix, whatever their size."""
    if type(matrix).forward is not torch.nn.Linear.forward:
        return False
    ids = torch.zeros((1, 2), dtype=torch.int64, device=matrix.weight.device)
    inputs = {"input_ids": ids, **({"decoder_input_ids": ids} if model.config.is_encoder_decoder else {})}
    expected = torch.linspace(-1e3, 1e3, 2 * matrix.out_features, device=ids.device).view(1, 2, -1)
    drawn = [ids.device] if ids.device.type == "cuda" else []

    def logits_of(value: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.random.fork_rng(drawn), instead(matrix, lambda features: value.clone()):
            logits: torch.Tensor = model(**inputs, use_cache=False).logits
            return logits

    try:
        return torch.equal(logits_of(expected), expected) and bool(
            logits_of(expected[0, 0, 0]).flatten()[0] == expected[0, 0, 0]
        )
    except (RuntimeError, IndexError, ValueError):  # later operations do not accept a single number
        return False


def plain_loss(logits: torch.Tensor, labels: torch.Tensor, z_loss: float) -> torch.Tensor:
    """Summed cross-entropy of logits [tokens, vocabulary], with z-loss."""
    logits = logits.float()
    loss = functional.cross_entropy(logits, labels, reduction="sum")
    return loss + z_loss * logits.logsumexp(-1).square().sum() if z_loss else loss


def linear_loss(
    features: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, z_loss: float
) -> torch.Tensor:
    """Summed cross-entropy of ``features`` [tokens, width] times ``weight`` [vocabulary, width], fp32.

    Plus ``z_loss`` times the sum of log(Z)^2. Matrix products have autocast's precision, everything else is fp32.
    """
    device = features.device.type
    half = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else features.dtype
    learns = [torch.is_grad_enabled() and each is not None and each.requires_grad for each in (features, weight, bias)]
    loss: torch.Tensor = LinearLoss.apply(features, weight, bias, labels, z_loss, half, learns)  # type: ignore[no-untyped-call]
    return loss


class LossContext(FunctionCtx):
    """Gradients of features, weight and bias, None for each that does not learn, and the types to return them in."""

    toward: list[torch.Tensor | None]
    types: list[torch.dtype | None]


class LinearLoss(torch.autograd.Function):
    """Computes gradients along with the loss, per chunk: three matrix products instead of four with recomputation.

    torch's ``linear_cross_entropy(options=...)`` (2.13) does the same, but takes 3.2 times as long in fp32 and 7.7
    times in bf16 on a CPU (2,048 tokens, 32,768 pieces), returns the loss in bf16, and has no z-loss.
    """

    @staticmethod
    def forward(
        ctx: LossContext,
        features: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        labels: torch.Tensor,
        z_loss: float,
        half: torch.dtype,
        learns: list[bool],
    ) -> torch.Tensor:
        """The loss, an fp32 scalar."""
        with torch.autocast(features.device.type, enabled=False):
            rows, matrix = features.to(half), weight.to(half)
            beside = None if bias is None else bias.to(half)
            loss = torch.zeros((), device=features.device)
            toward = [
                torch.empty_like(rows) if learns[0] else None,
                None,
                torch.zeros_like(bias, dtype=torch.float32) if bias is not None and learns[2] else None,
            ]
            step = max(FEWEST, LOGITS_PER_CHUNK[features.device.type] // len(weight))
            for at in range(0, len(rows), step):
                here = rows[at : at + step]
                logits = functional.linear(here, matrix, beside)
                loss += errors_in_place(logits, labels[at : at + step, None], z_loss, toward[2])
                if toward[0] is not None:
                    torch.mm(logits, matrix, out=toward[0][at : at + step])
                if learns[1]:
                    more = logits.T @ here
                    toward[1] = more.float() if toward[1] is None else toward[1].add_(more)
                del logits  # before the next chunk allocates its logits
            if learns[1] and toward[1] is None:  # there are no rows
                toward[1] = torch.zeros_like(weight, dtype=torch.float32)
        ctx.toward = toward
        ctx.types = [None if each is None else each.dtype for each in (features, weight, bias)]
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: LossContext, scale: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients computed in the forward pass, times ``scale``."""
        toward, ctx.toward = ctx.toward, []
        made = [
            None if each is None else each.mul_(scale).to(kind) for each, kind in zip(toward, ctx.types, strict=True)
        ]
        return (*made, None, None, None, None)


def errors_in_place(
    logits: torch.Tensor, labels: torch.Tensor, z_loss: float, along: torch.Tensor | None
) -> torch.Tensor:
    """Summed fp32 loss of ``logits`` [tokens, vocabulary], which are overwritten by their gradient.

    ``labels`` are [tokens, 1]; the gradient summed over tokens is added to ``along`` [vocabulary].
    """
    loss = torch.zeros((), device=logits.device)
    size = max(1, SLICE[logits.device.type] // logits.shape[1])
    for rows, wanted in zip(torch.split(logits, size), torch.split(labels, size), strict=True):
        logs = torch.log_softmax(rows, -1, dtype=torch.float32)
        own = logs.gather(-1, wanted)
        loss -= own.sum()
        scale = None
        if z_loss:
            normaliser = rows.gather(-1, wanted).float() - own  # log(Z)
            loss += z_loss * normaliser.square().sum()
            scale = 1.0 + 2.0 * z_loss * normaliser
        errors = logs.exp_()  # the softmax, in place
        if scale is not None:
            errors *= scale
        errors.scatter_(-1, wanted, errors.gather(-1, wanted) - 1.0)
        if along is not None:
            along += errors.sum(0)
        rows.copy_(errors)
    return loss

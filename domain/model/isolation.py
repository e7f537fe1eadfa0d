"""Test whether a loaded model keeps the documents of a row apart, in the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch.overrides import TorchFunctionMode

from domain.model.families import context_of, family_of
from domain.model.masks import Masks
from domain.tokens.batch import Batch
from domain.tokens.packing import PADDING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LENGTHS = (5, 2, 90, 14)  # of the documents, in tokens; 90 exceeds the window of ModernBERT's local layers (64)
FILLED = 3  # padding positions at the end of the row
# Relative to the largest value: rounding in fp32 (also TF32) and half precision. Wrong positions differ far more.
ROUNDING = {torch.float32: 5e-3, torch.bfloat16: 5e-2, torch.float16: 5e-2}


def keeps_apart(model: PreTrainedModel) -> bool:
    """Whether each document of a packed row has the same logits and gradients as in a row of its own.

    Logits and gradients with respect to embeddings must agree to rounding, and the gradients of a document's logits
    with respect to other documents must be exactly 0. Tested in training mode without dropout. False also if the model
    does not accept such masks (BLOOM) or cannot restart positions (BART); it then gets one document per row.

    Gradients, modes and random state are left unchanged. The model must not be sharded or compiled yet.
    """
    apart, together = documents(model)
    with as_it_was(model), WithoutDropout():
        alone = [passed(model, each, packed=False) for each in apart]
        try:
            logits, embedded = passed(model, together, packed=True)
        except (ValueError, RuntimeError, LookupError, TypeError, AttributeError):
            return False  # it does not accept the mask
        if not bool(logits.isfinite().all()):
            return False
        return all(agrees(number, together, logits, embedded, *alone[number]) for number in range(len(alone)))


def documents(model: PreTrainedModel) -> tuple[list[Batch], Batch]:
    """Random documents: each in a row of its own, and all in one padded row."""
    table, config = model.get_input_embeddings().weight, model.config.get_text_config()
    special = {getattr(config, f"{role}_token_id", None) for role in ("pad", "bos", "eos", "decoder_start")}
    ordinary = [number for number in range(len(table)) if number not in special]
    draw = np.random.default_rng(0)
    longest = context_of(model.config) - sum(LENGTHS) + max(LENGTHS) - FILLED
    lengths = [max(2, min(length, longest)) for length in LENGTHS]
    sides = ("input_ids", "decoder_input_ids") if family_of(model.config) == "encoder_decoder" else ("input_ids",)
    # A target is one token shorter than its source, so that a mix-up is noticed.
    texts = [{name: draw.choice(ordinary, length - n) for n, name in enumerate(sides)} for length in lengths]

    def batch(rows: list[dict[str, np.ndarray]], filled: int) -> Batch:
        inputs, segments = {}, {}
        for name in sides:
            numbers = np.repeat(np.arange(len(rows)), [len(each[name]) for each in rows])
            ids = np.concatenate([*(each[name] for each in rows), np.zeros(filled, dtype=np.int64)])
            inputs[name] = torch.from_numpy(ids)[None].to(table.device)
            segments[name] = torch.from_numpy(np.append(numbers, np.full(filled, PADDING)))[None]
        return Batch(inputs=inputs, labels=inputs[sides[-1]], valid=0, segments=segments)

    return [batch([text], 0) for text in texts], batch(texts, FILLED)


def passed(model: PreTrainedModel, part: Batch, *, packed: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Logits [1, length, vocabulary] of a part, and the embeddings of its inputs, a tensor per input."""
    table = model.get_input_embeddings().weight
    embedded: list[torch.Tensor] = []

    def cut(module: torch.nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[-1]

    # T5 has one embedding module per stack, with a shared matrix.
    tables = [m for m in model.modules() if isinstance(m, torch.nn.Embedding) and m.weight is table]
    masks = Masks(model, packed=packed)
    hooks = [module.register_forward_hook(cut) for module in tables]
    try:
        return model(**masks(part), use_cache=False).logits, embedded
    finally:
        masks.remove()
        for hook in hooks:
            hook.remove()


def agrees(
    number: int,
    together: Batch,
    logits: torch.Tensor,
    embedded: list[torch.Tensor],
    alone: torch.Tensor,
    embedded_alone: list[torch.Tensor],
) -> bool:
    """Whether document ``number`` gives the same results in the row as alone, and depends on no other document."""
    inside = [(segments == number)[0].to(logits.device) for segments in together.segments.values()]
    here = logits[:, inside[-1]]
    toward = torch.randn(here.shape, generator=torch.Generator().manual_seed(number)).to(here)
    gradients = torch.autograd.grad((here * toward).sum(), embedded, retain_graph=True)
    wanted = torch.autograd.grad((alone * toward).sum(), embedded_alone)
    pairs = [(here, alone), *((g[:, at], w) for g, at, w in zip(gradients, inside, wanted, strict=True))]
    leaks = any(bool(gradient[:, ~at].any()) for gradient, at in zip(gradients, inside, strict=True))
    return not leaks and all(close(one, other) for one, other in pairs)


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors agree to rounding."""
    return bool((one - other).abs().max() <= ROUNDING[one.dtype] * other.abs().max())


@contextmanager
def as_it_was(model: PreTrainedModel) -> Iterator[None]:
    """Training mode with gradients inside the block; modes and random state are restored afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    device = model.get_input_embeddings().weight.device
    with torch.enable_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        model.train()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode


class WithoutDropout(TorchFunctionMode):
    """Disables dropout inside the block, also in scaled_dot_product_attention."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.dropout:
            return args[0] if args else kwargs["input"]
        if func is functional.scaled_dot_product_attention:
            args, kwargs = args[:4], {**kwargs, "dropout_p": 0.0}
        return func(*args, **kwargs)

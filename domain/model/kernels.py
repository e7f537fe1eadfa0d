"""Attention implementations that skip masked positions: varlen, flex, and tiles on CPUs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

from domain.model.tiles import tiled_attention

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask
    from transformers import PreTrainedModel

VARLEN, TILES = "varlen", "tiles"
FASTEST = ("varlen", "flex")  # preferred order; not yet timed against each other on one GPU
DROPOUTS = ("attention_dropout", "attn_pdrop", "attention_probs_dropout_prob")
WIDEST = 256  # head width in the flash kernels of varlen
NARROWEST = 16  # head width in the kernels of flex attention
try:
    VARLEN_TAKES = frozenset(inspect.signature(import_module("torch.nn.attention.varlen").varlen_attn).parameters)
except ImportError:
    VARLEN_TAKES = frozenset()


def kernels(model: PreTrainedModel, device: torch.device, *, half: bool) -> list[str]:
    """Candidate attention implementations for this model on ``device``, fastest first; the current one comes last.

    ``half`` says whether queries and keys are bf16 or fp16, which varlen requires. None supports dropout or T5's
    position bias, and only flex supports soft caps. Each must be tested on the model before use
    (``domain.model.isolation.keeps_apart``): an architecture that does not pass its arguments on leaks silently.
    """
    config = model.config.get_text_config()
    implementation = str(config._attn_implementation)
    dropped = any(getattr(config, name, 0.0) for name in DROPOUTS)
    takes = getattr(model, "_supports_attention_backend", False) and not model.config.is_encoder_decoder
    if dropped or not takes:
        return [implementation]
    register()
    if device.type != "cuda":
        return [TILES, implementation] if implementation == "sdpa" else [implementation]
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    able = {
        "varlen": half and has_varlen() and implementation == "sdpa" and width <= WIDEST and width % 8 == 0,
        "flex": width >= NARROWEST,
    }
    return [*(name for name in FASTEST if able[name]), implementation]


def has_varlen() -> bool:
    """Whether this torch has varlen attention with windows (grouped heads since 2.12; before, keys are repeated)."""
    return {"scale", "window_size"} <= VARLEN_TAKES


@cache
def register() -> None:
    """Register the implementations with transformers, for ``model.set_attn_implementation``."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import flex_attention_mask

    AttentionInterface.register(TILES, tiled_attention)
    AttentionInterface.register(VARLEN, varlen_attention)
    AttentionInterface.register("flex", flex_attention)
    AttentionMaskInterface.register("flex", flex_attention_mask)  # for calls without a mask, as in scoring


def blocks(rule: Callable[..., torch.Tensor], segments: torch.Tensor) -> BlockMask:
    """The block mask of a rule over ``segments`` [rows, length], for flex attention."""
    from torch.nn.attention.flex_attention import create_block_mask

    rows, length = segments.shape
    compiled = segments.device.type == "cuda"  # uncompiled it allocates rows times length^2 bytes
    return create_block_mask(rule, rows, None, length, length, device=segments.device, _compile=compiled)


def offsets(segments: torch.Tensor, device: torch.device) -> dict[str, Any]:
    """Cumulative offsets of documents in the concatenated rows, int32 [documents + 1], by transformers' names.

    A run of padding counts as a document. The maximum length is that of a row: an exact one would cause a
    recompilation for each value, and the kernel stops at the end of a document anyway.
    """
    rows, length = segments.shape
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    starts = begins.flatten().nonzero().flatten()
    bounds = torch.nn.functional.pad(starts, (0, 1), value=rows * length).int().to(device, non_blocking=True)
    return {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": length, "max_length_k": length}


def varlen_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int = 0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Flash attention over documents [rows, heads, length, width] -> [rows, length, heads, width].

    Without offsets every row is a document (scoring). A ``sliding_window`` of w includes w - 1 neighbours, as in
    transformers' flash attention (ModernBERT adds 1 to its window for that).
    """
    from torch.nn.attention import varlen

    rows, heads, length, width = query.shape
    bounds, longest = cu_seq_lens_q, max_length_q
    if bounds is None:
        bounds, longest = torch.arange(rows + 1, dtype=torch.int32, device=query.device) * length, length
    # Under autocast, rotary positions convert queries and keys to fp32; values still have the autocast type.
    queries, keys, values = (each.transpose(1, 2).flatten(0, 1).to(value.dtype) for each in (query, key, value))
    groups = heads // key.shape[1]
    more: dict[str, Any] = {}  # torch.compile does not support dict[str, Any]()
    if "enable_gqa" in VARLEN_TAKES:
        more["enable_gqa"] = groups > 1
    elif groups > 1:
        keys, values = (each.repeat_interleave(groups, 1) for each in (keys, values))
    reach = -1 if sliding_window is None else sliding_window - 1
    attended = varlen.varlen_attn(
        queries, keys, values, bounds, bounds, longest, longest,
        scale=scaling, window_size=(reach, 0 if module.is_causal else reach), **more,
    )  # fmt: skip
    assert isinstance(attended, torch.Tensor)  # without the log-sum-exp
    return attended.view(rows, length, heads, width), None


def flex_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: BlockMask | None,
    **more: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """transformers' flex attention, with queries and keys converted to the type of the values."""
    from transformers.integrations.flex_attention import flex_attention_forward

    result: tuple[torch.Tensor, torch.Tensor | None] = flex_attention_forward(
        module, query.to(value.dtype), key.to(value.dtype), value, attention_mask, **more
    )
    return result

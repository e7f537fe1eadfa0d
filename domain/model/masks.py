"""Attention masks and position ids for packed documents, in the form that each architecture takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from domain.model.families import family_of
from domain.model.kernels import TILES, VARLEN, blocks, offsets
from domain.model.tiles import Tiles
from domain.tokens.batch import Batch
from domain.tokens.packing import PADDING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WINDOWS = {"full_attention": False, "sliding_attention": True}  # whether layers of this type attend only to a window
CROSS = "cross_attention_mask"  # mask between decoder and encoder, see ``_hand_over``
Rule = Callable[[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor], torch.Tensor]


class Masks:
    """``masks(part)``: the arguments of ``model``'s forward pass for a part of a batch.

    With ``packed``, tokens attend only within their document (equal numbers in ``part.segments``), causally in a
    decoder and within the window in layers with one, and position ids start at 0 in each document. This requires a
    model that passes ``domain.model.isolation.keeps_apart``. Otherwise a row holds one document and gets a padding
    mask; a row of several raises ``ValueError``.

    The form depends on the model's attention: bool [rows, 1, queries, keys] for ``sdpa`` (true: attends), 0 and the
    lowest float for ``eager``, ``BlockMask`` for ``flex``, ``Tiles`` for ``tiles``, document offsets for ``varlen``.

    Keep ``part.segments`` on the host and ``part.inputs`` on the device: then nothing synchronizes with the device.
    """

    def __init__(self, model: PreTrainedModel, *, packed: bool) -> None:
        self.model, self.family, self.packed = model, family_of(model.config), packed
        self.config = model.config.get_text_config()
        self.positioned = "position_ids" in inspect.signature(model.forward).parameters
        # RoBERTa and related models count from padding_idx + 1, as fairseq did.
        named = (m for m in model.modules() if hasattr(m, "create_position_ids_from_input_ids"))
        self.first = next((int(m.padding_idx) + 1 for m in named), 0)
        stacks = (model.get_encoder(), model.get_decoder()) if self.family == "encoder_decoder" else ()
        self.hooks = [stack.register_forward_pre_hook(_hand_over, with_kwargs=True) for stack in stacks]

    def remove(self) -> None:
        """Remove the hooks from the model."""
        for hook in self.hooks:
            hook.remove()

    def __call__(self, part: Batch) -> dict[str, Any]:
        """Inputs of ``part`` with masks and position ids, to be called with ``use_cache=False``."""
        inputs = {**part.inputs, **(self._masks(part) if self.packed else self._padding(part))}
        if self.positioned:
            inputs["position_ids"] = self.first + positions(_beside(part, "input_ids"))
        return inputs

    def _masks(self, part: Batch) -> dict[str, Any]:
        if all(_alone(segments) for segments in part.segments.values()) and self.kernel != VARLEN:
            return {}  # without a mask every kernel takes its fast path, and layers keep their windows
        queries = _beside(part, "input_ids")
        if self.family != "encoder_decoder":
            if self.kernel == TILES:
                return {"tiles": Tiles(part.segments["input_ids"])}
            if self.kernel == VARLEN:
                return offsets(part.segments["input_ids"], queries.device)
            return {"attention_mask": self._by_layer(queries, causal=self.family == "decoder")}
        targets = _beside(part, "decoder_input_ids")
        cross = _dense(sees(targets, queries), targets, queries)
        return {
            "attention_mask": self._form(sees(queries, queries), queries),
            "decoder_attention_mask": self._form(sees(targets, targets, causal=True), targets),
            CROSS: self._shown(cross | ~cross.any(-1, keepdim=True)),  # padding, if the encoder's row has none
        }

    def _by_layer(self, segments: torch.Tensor, causal: bool) -> Any:
        """One mask, or one per layer type if the model has several."""
        window = getattr(self.config, "sliding_window", None)
        kinds = sorted(set(getattr(self.config, "layer_types", None) or ["sliding_attention"]))
        if unknown := [kind for kind in kinds if kind not in WINDOWS]:
            raise NotImplementedError(f"layers of type {', '.join(unknown)} do not support document masks")
        masks = {
            kind: self._form(
                sees(segments, segments, causal=causal, window=window if WINDOWS[kind] else None), segments
            )
            for kind in kinds
        }
        return masks if len(masks) > 1 else masks[kinds[0]]

    def _form(self, rule: Rule, segments: torch.Tensor) -> Any:
        return blocks(rule, segments) if self.kernel == "flex" else self._shown(_dense(rule, segments, segments))

    def _shown(self, mask: torch.Tensor) -> torch.Tensor:
        if self.kernel != "eager":
            return mask
        return torch.zeros_like(mask, dtype=self.model.dtype).masked_fill(~mask, torch.finfo(self.model.dtype).min)

    @property
    def kernel(self) -> str:
        """The model's attention implementation."""
        return str(self.config._attn_implementation)

    def _padding(self, part: Batch) -> dict[str, torch.Tensor]:
        if any(segments.device.type == "cpu" and bool((segments > 0).any()) for segments in part.segments.values()):
            raise ValueError("a row holds several documents, but this model takes one: set training.packing: separate")
        if all(_alone(segments) for segments in part.segments.values()):
            return {}
        names = {"input_ids": "attention_mask", "decoder_input_ids": "decoder_attention_mask"}
        return {names[name]: (_beside(part, name) != PADDING).long() for name in part.segments}


def sees(queries: torch.Tensor, keys: torch.Tensor, *, causal: bool = False, window: int | None = None) -> Rule:
    """The rule whether position ``q`` of row ``b`` in ``queries`` attends to ``k`` in ``keys``: same document.

    Segments are int64 [rows, length]; padding attends to padding, since an empty softmax is NaN. A causal ``window`` of
    w includes q and the w - 1 positions before it (Mistral), a bidirectional one w on either side (ModernBERT).
    """
    reach = None if window is None else window - 1 if causal else window

    def rule(b: torch.Tensor, h: torch.Tensor | None, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        visible: torch.Tensor = queries[b, q] == keys[b, k]
        if causal:
            visible = visible & (k <= q)
        return visible if reach is None else visible & ((q - k).abs() <= reach)

    return rule


def _dense(rule: Rule, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """The rule as bool [rows, 1, queries, keys]."""
    rows, q, k = (torch.arange(size, device=queries.device) for size in (*queries.shape, keys.shape[1]))
    return rule(rows[:, None, None, None], None, q[:, None], k)


def positions(segments: torch.Tensor) -> torch.Tensor:
    """Position ids that start at 0 in each document: int64, shaped like ``segments`` [rows, length]."""
    index = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return index - (index * begins).cummax(dim=1).values


def _alone(segments: torch.Tensor) -> bool:
    """Whether each row is one document without padding; false for tensors on a device, to avoid synchronizing."""
    return segments.device.type == "cpu" and bool((segments == 0).all())


def _beside(part: Batch, name: str) -> torch.Tensor:
    """The segments of an input, on the device of that input."""
    return part.segments[name].to(part.inputs[name].device, non_blocking=True)


def _hand_over(
    stack: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Forward pre-hook of encoder and decoder that sets the mask between them.

    transformers reuses the encoder's mask there, which is right for padding but not for documents.
    """
    mask = kwargs.pop(CROSS, None)
    if mask is not None and "encoder_attention_mask" in kwargs:
        kwargs["encoder_attention_mask"] = mask
    return args, kwargs

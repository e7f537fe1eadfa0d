"""One tiny random model of each architecture, and rows of documents for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from domain.tokens.batch import Batch

PIECES = 64
_stacked = {
    "vocab_size": PIECES, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
_decoder = {**_stacked, "num_key_value_heads": 2}
_encoder = {**_stacked, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
_stacks = {
    f"{stack}_{name}": value
    for stack in ("encoder", "decoder")
    for name, value in (("layers", 2), ("ffn_dim", 48), ("attention_heads", 4))
}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", _decoder),
    "qwen2": ("qwen2", _decoder),
    "qwen3": ("qwen3", {**_decoder, "head_dim": 8}),
    "qwen3_windows": (
        "qwen3",
        {**_decoder, "head_dim": 8, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    ),
    "mistral": ("mistral", {**_decoder, "sliding_window": 4}),
    "gemma2": ("gemma2", {**_decoder, "head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 8}),
    "cohere": ("cohere", {**_decoder, "logit_scale": 0.5}),
    "gpt2": (
        "gpt2",
        {"vocab_size": PIECES, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1,
         "eos_token_id": 2, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    ),
    "bloom": (
        "bloom",
        {"vocab_size": PIECES, "hidden_size": 32, "n_layer": 2, "n_head": 4, "pad_token_id": 0, "bos_token_id": 1,
         "eos_token_id": 2},
    ),
    "bert": ("bert", _encoder),
    "roberta": ("roberta", {**_encoder, "pad_token_id": 1, "bos_token_id": 0}),
    "modernbert": ("modernbert", {**_stacked, "local_attention": 6, "cls_token_id": 1, "sep_token_id": 2}),
    "t5": (
        "t5",
        {"vocab_size": PIECES, "d_model": 32, "d_ff": 48, "num_layers": 2, "num_heads": 4, "d_kv": 8,
         "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 0, "dropout_rate": 0.0},
    ),
    "bart": (
        "bart",
        {"vocab_size": PIECES, "d_model": 32, "max_position_embeddings": 64, "dropout": 0.0, "pad_token_id": 1,
         "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": None, **_stacks},
    ),
}  # fmt: skip
ENCODERS, TWO_STACKS = {"bert", "roberta", "modernbert"}, {"t5", "bart"}


def tiny(name: str, **more: Any) -> Any:
    """The model in train mode, fp32, without dropout, its weights large enough that attention is not even."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    kind, told = CONFIGS[name]
    opened = AutoModelForMaskedLM if name in ENCODERS else AutoModelForSeq2SeqLM if name in TWO_STACKS else None
    torch.manual_seed(0)
    model = (opened or AutoModelForCausalLM).from_config(AutoConfig.for_model(kind, **{**told, **more}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape) * 0.15)
    return model.float().train()


def rows(name: str, lengths: Sequence[Sequence[int]], length: int) -> Batch:
    """Rows of documents of these lengths, filled up to ``length``; labels are random ids, -100 at padding.

    Targets of encoder-decoders are one token shorter than their document.
    """
    draw = torch.Generator().manual_seed(1)
    sides = ("input_ids", "decoder_input_ids") if name in TWO_STACKS else ("input_ids",)
    inputs, segments = {}, {}
    for shift, side in enumerate(sides):
        inputs[side] = torch.zeros((len(lengths), length), dtype=torch.int64)
        segments[side] = torch.full((len(lengths), length), -1)
        for row, documents in enumerate(lengths):
            at = 0
            for number, size in enumerate(each - shift for each in documents):
                inputs[side][row, at : at + size] = torch.randint(3, PIECES, (size,), generator=draw)
                segments[side][row, at : at + size] = number
                at += size
    learned = segments[sides[-1]]
    labels = torch.where(learned >= 0, torch.randint(3, PIECES, learned.shape, generator=draw), -100)
    return Batch(inputs=inputs, labels=labels, valid=int((labels >= 0).sum()), segments=segments)


def apart(batch: Batch) -> list[tuple[int, torch.Tensor, dict[str, torch.Tensor], torch.Tensor]]:
    """(row, places of the logits, inputs, labels) of every document of a batch, each in a row of its own."""
    found = []
    last = list(batch.segments)[-1]
    for row in range(len(batch.labels)):
        for number in range(int(batch.segments[last][row].max()) + 1):
            own = {name: ids[row, batch.segments[name][row] == number][None] for name, ids in batch.inputs.items()}
            (places,) = (batch.segments[last][row] == number).nonzero(as_tuple=True)
            found.append((row, places, own, batch.labels[row, places][None]))
    return found

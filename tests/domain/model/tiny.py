"""Tokenizers and models that are small enough to work their rows by hand."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from domain.cost.tensors import tensors
from domain.model.spec import Scratch

Merges = Sequence[tuple[str, str]]


def parameter_count(shape: Scratch, vocabulary: int) -> int:
    """Parameters of a model from scratch by the table of its tensors."""
    return sum(map(prod, tensors(shape, vocabulary).values()))


def written(backend: Tokenizer, folder: Path, **roles: str) -> Path:
    """The tokenizer in the transformers layout."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=backend, **roles).save_pretrained(folder)
    return folder


def sentencepiece(folder: Path, merges: Merges = (), characters: str = "\u2581abc") -> Path:
    """BPE with byte fallback as in Llama 2: <unk> <s> </s>, bytes from id 3, characters from 259, then merges."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *characters]
    pieces += [left + right for left, right in merges]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    bpe = models.BPE(vocabulary, list(merges), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    backend = Tokenizer(bpe)
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return written(backend, folder, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def byte_level(folder: Path, merges: Merges = (), roles: dict[str, str] | None = None) -> Path:
    """BPE over bytes as in GPT-2: special tokens first, then the 256 bytes in order of their characters, then merges.

    ``roles`` names special tokens, such as ``{"bos_token": "<|begin|>"}``.
    """
    roles = {"bos_token": "<|end|>", "eos_token": "<|end|>"} if roles is None else roles
    pieces = [*dict.fromkeys(roles.values()), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    pieces += [left + right for left, right in merges]
    backend = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return written(backend, folder, **roles)


def unigram(folder: Path, scores: dict[str, float]) -> Path:
    """Unigram as in T5: <unk>, </s>, then these pieces; no byte fallback."""
    backend = Tokenizer(models.Unigram([("<unk>", 0.0), ("</s>", 0.0), *scores.items()], unk_id=0))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return written(backend, folder, eos_token="</s>", unk_token="<unk>")


def wordpiece(folder: Path, pieces: Sequence[str], *, cased: bool = False) -> Path:
    """WordPiece as in BERT: [PAD] [UNK] [CLS] [SEP] [MASK], then these pieces; uncased unless said otherwise."""
    special = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    vocabulary = {piece: number for number, piece in enumerate([*special.values(), *pieces])}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=not cased)
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    return written(backend, folder, **{f"{role}_token": token for role, token in special.items()})


def trained(folder: Path, objective: Any) -> Path:
    """The project's own byte-level BPE for an objective, on a few sentences: 300 pieces, and T5's 100 sentinels."""
    from domain.tokenizer.train import train
    from tests.conftest import text

    pieces = 400 if objective == "span" else 300
    train((text(number) for number in range(60)), pieces=pieces, objective=objective, out=folder)
    return folder


STACKED = {"hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
SIZES: dict[str, dict[str, Any]] = {
    "t5": {"d_model": 4, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 1},
    "bart": {"d_model": 4, **{f"{stack}_{name}": size for stack in ("encoder", "decoder")
                              for name, size in (("layers", 1), ("attention_heads", 1), ("ffn_dim", 8))}},
}  # fmt: skip


def model(rows: int, *, tied: bool = False, kind: str = "llama", **more: Any) -> Any:
    """A model of width 4 with one layer; its rows are distinct numbers. ``phi`` is a decoder with a bias in the head.

    An untied ``t5`` is of version 1.1, as transformers loads it.
    """
    from transformers import AutoConfig

    from domain.model.build import opener
    from domain.model.embeddings import bias_of
    from domain.model.families import family_of

    told = {"vocab_size": rows, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None, **more}
    told |= {} if kind == "t5" else {"max_position_embeddings": 32}
    config = AutoConfig.for_model(kind, tie_word_embeddings=tied, **SIZES.get(kind, STACKED), **told)
    torch.manual_seed(0)
    made = opener(family_of(config)).from_config(config, dtype=torch.float32).eval()
    if kind == "t5" and not tied:
        made.lm_head.weight = torch.nn.Parameter(torch.empty(rows, 4))
        made.config.tie_word_embeddings = False
    with torch.no_grad():
        for matrix in {id(m.weight): m.weight for m in matrices(made)}.values():
            matrix.copy_(torch.randn(matrix.shape))
        if (bias := bias_of(made)) is not None:
            bias.copy_(torch.randn(rows))
    return made


def matrices(made: Any) -> tuple[Any, Any]:
    """Embedding and head."""
    return made.get_input_embeddings(), made.get_output_embeddings()


@torch.no_grad()
def logits(made: Any, ids: torch.Tensor) -> torch.Tensor:
    """What a model says to ids [rows, length]; a decoder that has an encoder before it is given the same ids."""
    more = {"decoder_input_ids": ids} if made.config.is_encoder_decoder else {}
    found: torch.Tensor = made(input_ids=ids, **more).logits
    return found


@torch.no_grad()
def stirred(made: Any) -> Any:
    """The model with every bias and norm moved from where it begins, so that one which is lost is missed."""
    chance = torch.Generator().manual_seed(1)
    buffer = getattr(made, "final_logits_bias", None)  # BART's, [1, rows]
    for tensor in [*made.parameters(), *([] if buffer is None else buffer)]:
        if tensor.ndim == 1:
            tensor.add_(torch.randn(tensor.shape, generator=chance) / 5)
    return made


def rows_of(model: Any) -> dict[str, torch.Tensor]:
    """Copies of embedding, head and bias."""
    from domain.model.embeddings import bias_of

    table, head = matrices(model)
    rows = {"table": table.weight, "head": head.weight, "bias": bias_of(model)}
    return {name: tensor.detach().clone() for name, tensor in rows.items() if tensor is not None}

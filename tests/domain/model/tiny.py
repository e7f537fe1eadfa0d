"""Tokenizers and models that are small enough to work their rows by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

Merges = Sequence[tuple[str, str]]


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


def model(rows: int, *, tied: bool = False, kind: str = "llama", **more: Any) -> Any:
    """A decoder of width 4 with one layer; its rows are distinct numbers. ``phi`` has a bias in the head."""
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        kind, vocab_size=rows, hidden_size=4, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        max_position_embeddings=32, tie_word_embeddings=tied, bos_token_id=1, eos_token_id=2, pad_token_id=None, **more,
    )  # fmt: skip
    torch.manual_seed(0)
    made = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for matrix in {id(m.weight): m.weight for m in matrices(made)}.values():
            matrix.copy_(torch.randn(matrix.shape))
        if made.get_output_embeddings().bias is not None:
            made.get_output_embeddings().bias.copy_(torch.randn(rows))
    return made


def matrices(made: Any) -> tuple[Any, Any]:
    """Embedding and head."""
    return made.get_input_embeddings(), made.get_output_embeddings()

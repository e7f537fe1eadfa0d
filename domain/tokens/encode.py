"""Encode a corpus once, into memory-mapped token shards with document boundaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from domain.artifacts import Corpus, Tokenizer, Tokens
from domain.errors import Refusal
from domain.machine import Machine
from domain.progress import progress
from domain.spec import Spec
from domain.stage import stage
from domain.tokens.shards import PARTS, SPLITS, ShardWriter

DOCUMENTS_AT_ONCE = 512  # one encode_batch call; larger gains nothing and delays the progress bar


class Encoding(Spec):
    """How text is encoded; the tokenizer and the corpus say everything else."""


def frame(tokenizer: Any) -> tuple[int, int]:
    """The ids that open and close a document; one token does both where a tokenizer has only one (GPT-2)."""
    begin = first(tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id)
    end = first(tokenizer.eos_token_id, tokenizer.sep_token_id, tokenizer.bos_token_id)
    if begin is None or end is None:
        place = tokenizer.name_or_path or "tokenizer"
        raise Refusal(place, "has no token that begins or ends a text", "use a base whose tokenizer has one")
    return begin, end


def first(*ids: int | None) -> int | None:
    """The first id that is not None; 0 is an id like any other."""
    return next((i for i in ids if i is not None), None)


def encode_texts(tokenizer: Any, texts: Sequence[str]) -> list[np.ndarray]:
    """The int32 ids of each text, without begin and end.

    Special tokens that stand literally in a text ("<|end|>" in documentation about tokenizers) are
    encoded as the characters they are: only ``frame`` opens and closes a document.
    """
    backend = tokenizer.backend_tokenizer
    literal, backend.encode_special_tokens = backend.encode_special_tokens, True
    try:
        encodings = backend.encode_batch_fast(list(texts), add_special_tokens=False)
    finally:
        backend.encode_special_tokens = literal
    return [np.asarray(encoding.ids, dtype=np.int32) for encoding in encodings]


def load_tokenizer(folder: Path) -> Any:
    """The fast tokenizer in ``folder``; nothing is downloaded and no code of the folder is run."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Refusal(
            str(folder), f"holds no tokenizer that opens ({reason})", "name a folder with tokenizer.json"
        ) from error
    if not tokenizer.is_fast:
        raise Refusal(str(folder), "holds a slow tokenizer only", "convert it to tokenizer.json first")
    return tokenizer


def batched(documents: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """``documents`` in lists of at most ``size``."""
    while chunk := list(islice(documents, size)):
        yield chunk


@stage("encode", makes=Tokens, version=1)
def encode(spec: Encoding, corpus: Corpus, tokenizer: Tokenizer, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Corpus -> Tokens: every train and validation document as ``[begin] ids [end]``.

    facts: ``vocabulary`` and, by split and part, ``documents``, ``tokens`` (frames included) and ``bytes`` (UTF-8).
    """
    speaker = load_tokenizer(tokenizer.path)
    begin, end = frame(speaker)
    facts: dict[str, Any] = {"vocabulary": len(speaker)}
    for split in SPLITS:
        facts[split] = {}
        for part in PARTS:
            total = corpus.facts["splits"].get(split, {}).get(part, {}).get("bytes", 0)
            with ShardWriter(out / split / part, vocabulary=len(speaker)) as writer:
                bar = progress(what=f"encode {part} {split}", total=total, unit="B")
                for chunk in batched(corpus.documents(split, part), DOCUMENTS_AT_ONCE):
                    texts = [document["text"] for document in chunk]
                    for text, ids in zip(texts, encode_texts(speaker, texts), strict=True):
                        size = len(text.encode())
                        writer.add(np.concatenate(([begin], ids, [end])), size)
                        bar.update(size)
                bar.close()
            facts[split][part] = {"documents": writer.documents, "tokens": writer.tokens, "bytes": writer.bytes}
    return facts

"""What a tokenizer is worth: bytes per token on text that it was not fitted on."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from domain.artifacts import Corpus
from domain.tokens.encode import encode_texts, load_tokenizer

DOCUMENTS = 400  # measured per part; the ratio moves by under 1% beyond


def bytes_per_token(folder: Path, corpus: Corpus) -> dict[str, Any]:
    """``size`` (pieces) and ``bytes_per_token`` {part: UTF-8 bytes over tokens, null without text}.

    Measured on validation text, or on train text where none is held out; higher is better.
    """
    speaker = load_tokenizer(folder)
    measured: dict[str, float | None] = {}
    for part in ("domain", "general"):
        split = "validation" if corpus.shards("validation", part) else "train"
        texts = [document["text"] for document in islice(corpus.documents(split, part), DOCUMENTS)]
        tokens = sum(len(ids) for ids in encode_texts(speaker, texts))
        measured[part] = round(sum(len(text.encode()) for text in texts) / tokens, 4) if tokens else None
    return {"size": len(speaker), "bytes_per_token": measured}

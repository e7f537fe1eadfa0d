"""Held-out bits per byte: what each document of the test split costs a model."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from domain.artifacts import Checkpoint, Corpus
from domain.errors import Refusal
from domain.machine import Machine


def test_documents(corpus: Corpus, part: str, most: int) -> list[dict[str, Any]]:
    """Documents of the test split, in an order drawn from their ids, up to ``most`` UTF-8 bytes (at least one).

    The order depends on the ids alone, so that the same documents are asked about in every run.
    Raises ``Refusal`` where the split is empty.
    """
    everything = sorted(corpus.documents("test", part), key=lambda d: hashlib.sha256(d["id"].encode()).digest())
    if not everything:
        raise Refusal("corpus.holdout.test", f"holds no {part} document", "raise the share, or give more text")
    chosen: list[dict[str, Any]] = []
    size = 0
    for document in everything:
        document["bytes"] = len(document["text"].encode())
        size += document["bytes"]
        if chosen and size > most:
            break
        chosen.append(document)
    return chosen


def nats_of(checkpoint: Checkpoint, texts: list[str], machine: Machine, what: str) -> np.ndarray:
    """float64 [texts]: the negative log-likelihood (nats) of each text under a checkpoint with its own tokenizer."""
    from domain.model.build import load, longest
    from domain.model.device import choose_device
    from domain.score import document_nats
    from domain.tokens.encode import encode_texts, frame, load_tokenizer
    from domain.training.spec import LONGEST_ROW

    device = choose_device(machine)
    tokenizer, model = load_tokenizer(checkpoint.path), load(checkpoint.path).to(device).eval()
    begin, _ = frame(tokenizer)
    context = min(longest(model), LONGEST_ROW)
    ids = encode_texts(tokenizer, texts)
    return document_nats(model, ids, begin=begin, context=context, machine=machine, what=what)

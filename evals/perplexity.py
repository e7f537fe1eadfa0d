"""Held-out bits per byte: what each document of the test split costs a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from domain.artifacts import Checkpoint, Corpus
from domain.errors import Refusal
from domain.machine import Machine

SHARE = 100  # a document is scored up to a hundredth of what is scored in all, so that no few long ones stand for all


def held_out(corpus: Corpus, part: str, most: int, *, split: str = "test") -> list[dict[str, Any]]:
    """Documents of a held-out split, in an order drawn from their ids, up to ``most`` UTF-8 bytes (at least one).

    Of a document longer than a hundredth of ``most`` its beginning is taken. ``bytes`` says how much is scored,
    ``cut`` whether that is less than the document. The order depends on the ids alone, so that the same documents
    are asked about in every run. Raises ``Refusal`` where the split holds no text.
    """
    longest = max(4, most // SHARE)  # no character is longer
    order = []  # two passes over the files: a split may be larger than memory
    for number, document in enumerate(corpus.documents(split, part)):
        if size := min(longest, len(document["text"].encode())):
            order.append((hashlib.sha256(document["id"].encode()).digest(), number, size))
    if not order:
        raise Refusal(f"corpus.holdout.{split}", f"holds no {part} document", "raise the share, or give more text")
    rank: dict[int, int] = {}
    total = 0
    for _, number, size in sorted(order):
        total += size
        if rank and total > most:
            break
        rank[number] = len(rank)
    chosen = [(rank[n], shortened(d, longest)) for n, d in enumerate(corpus.documents(split, part)) if n in rank]
    return [document for _, document in sorted(chosen, key=lambda entry: entry[0])]


def shortened(document: dict[str, Any], longest: int) -> dict[str, Any]:
    """The document with at most ``longest`` bytes of text, cut between two characters."""
    whole = document["text"].encode()
    text = whole[:longest].decode(errors="ignore")
    return {**document, "text": text, "bytes": len(text.encode()), "cut": len(whole) > longest}


def nats_of(
    checkpoint: Checkpoint, texts: list[str], machine: Machine, what: str, objective: Mapping[str, Any] | None = None
) -> np.ndarray:
    """float64 [texts]: the negative log-likelihood (nats) of each text under a checkpoint with its own tokenizer.

    A model that restores hidden text has no likelihood of a whole one: for it, what ``objective`` (the spec of one, as
    a manifest has it) hides is scored, see ``domain.restored``. Raises ``Refusal`` where a text costs no finite number
    of nats: such a model has diverged.
    """
    from domain.model.build import load, longest
    from domain.model.device import choose_device
    from domain.model.families import family_of
    from domain.restored import restored_nats
    from domain.score import document_nats
    from domain.tokens.encode import encode_texts, frame, load_tokenizer
    from domain.training.objectives import choose
    from domain.training.spec import LONGEST_ROW, Training

    device = choose_device(machine)
    tokenizer, model = load_tokenizer(checkpoint.path), load(checkpoint.path).to(device).eval()
    begin, end = frame(tokenizer)
    context = min(longest(model), LONGEST_ROW)
    ids = encode_texts(tokenizer, texts)
    if family_of(model.config) == "decoder":
        nats = document_nats(model, ids, begin=begin, context=context, machine=machine, what=what)
    else:
        asked = choose(Training(objective=objective).objective, tokenizer, seed=0)
        framed = [np.concatenate(([begin], each, [end])) for each in ids]
        sizes = [len(text.encode()) for text in texts]
        nats = restored_nats(
            model, asked, framed, sizes, tokenizer=tokenizer, context=context, machine=machine, what=what
        )
    if not np.isfinite(nats).all():
        found = f"{np.sum(~np.isfinite(nats)):,} of {len(texts):,} held-out texts have no finite likelihood"
        raise Refusal(what, found, "the model has diverged; lower its learning rate")
    return nats

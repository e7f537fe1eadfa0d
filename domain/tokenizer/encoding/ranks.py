"""A byte-level BPE vocabulary as tiktoken's ranked bytes, where merging by rank provably gives the same pieces."""

from __future__ import annotations

from typing import Any

import numpy as np


def byte_alphabet() -> dict[int, str]:
    """GPT-2's letter of each byte: printable Latin-1 stands for itself, the other 68 for what follows from U+0100.

    The table is ``bytes_to_unicode`` in openai/gpt-2, encoder.py.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return {byte: chr(byte if byte in printable else next(others)) for byte in range(0x100)}


def ranked(model: dict[str, Any]) -> tuple[dict[bytes, int], np.ndarray] | str:
    """(bytes -> rank, the id of each rank: int64) of ``model`` in tokenizer.json, or why it cannot be had.

    ``tokenizers`` merges the pair that stands first in a list; ``tiktoken`` the pair whose bytes together have the
    lowest rank, listed or not. These agree on every text if

    1. pieces are ranked as the list first makes them, and all pairs that make one piece stand together;
    2. each ranked piece, taken as a text, is merged by the list into that one piece.

    For let them part at a piece p = ab. Until then they merged alike, and within p as on p alone, since no merge has
    crossed its edges. By 2 the list takes p alone to one piece, so its last pair is (a, b), which is listed; of two
    such pairs, 1 says that both take the same first. A piece that fails 2 is made on no text, and is left out.
    """
    settings = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
    if model["type"] != "BPE" or any(model.get(name) for name in settings) or model.get("byte_fallback"):
        return "its model is not a plain BPE"
    letters, vocabulary = {letter: byte for byte, letter in byte_alphabet().items()}, model["vocab"]
    if not letters.keys() <= vocabulary.keys():
        return "its vocabulary lacks bytes"
    split = (pair.split(" ", 1) if isinstance(pair, str) else pair for pair in model["merges"])
    pairs = [(str(first), str(second)) for first, second in split]
    if len(set(pairs)) < len(pairs):
        return "its list of merges contains a merge twice"
    made: list[str] = []
    for first, second in pairs:
        if not made or made[-1] != first + second:
            made.append(first + second)
    if len(set(made)) < len(made) or not letters.keys().isdisjoint(made):
        return "its merges make a piece at two places in the list"
    made = whole(model, pairs, made)
    if model.get("ignore_merges") and len(made) + len(letters) < sum(letters.keys() >= set(p) for p in vocabulary if p):
        return "it looks up whole words that its merges cannot make"
    order = [*letters, *made]
    ranks = {bytes(letters[letter] for letter in piece): rank for rank, piece in enumerate(order)}
    return ranks, np.array([vocabulary[piece] for piece in order], dtype=np.int64)


def whole(model: dict[str, Any], pairs: list[tuple[str, str]], pieces: list[str]) -> list[str]:
    """Those of ``pieces`` that the list of ``pairs`` merges into one."""
    from tokenizers.models import BPE

    merged = BPE(vocab=model["vocab"], merges=pairs)
    return [piece for piece in pieces if len(merged.tokenize(piece)) == 1]

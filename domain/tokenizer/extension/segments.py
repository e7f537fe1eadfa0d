"""Segment counted words into the base's own pieces, the starting point of new merges."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from domain.tokenizer.extension.merges import WALL

BYTE_PIECE = re.compile(r"<0x([0-9A-F]{2})>")
END = -1  # no id


def symbols_of(content: dict[str, Any]) -> list[str]:
    """The text of each id; empty where none has this id."""
    vocabulary = content["model"]["vocab"]
    if isinstance(vocabulary, list):
        return [text for text, _ in vocabulary]
    texts = {number: text for text, number in vocabulary.items()}
    return [texts.get(number, "") for number in range(max(texts) + 1)]


def segmented(content: dict[str, Any], words: Mapping[str, int]) -> list[list[int]]:
    """Each word as the base's own symbols; special tokens, bytes and what is unknown are walls or characters."""
    from tokenizers import Tokenizer

    model = {**content["model"], "dropout": None} if content["model"]["type"] == "BPE" else content["model"]
    none = dict.fromkeys(("normalizer", "pre_tokenizer", "post_processor", "decoder", "truncation", "padding"))
    alone = Tokenizer.from_str(json.dumps({**content, **none, "added_tokens": [], "model": model}))
    vocabulary = alone.get_vocab()
    values = {number: int(match[1], 16) for text, number in vocabulary.items() if (match := BYTE_PIECE.fullmatch(text))}
    if not model.get("byte_fallback"):
        values = {}
    walls = {vocabulary[token["content"]] for token in content["added_tokens"]}
    unknown = model["unk_id"] if model["type"] == "Unigram" else vocabulary.get(model["unk_token"] or "")
    walls |= {unknown} if unknown is not None else set()
    special = walls | set(values)
    sequences = []
    for encoding in alone.encode_batch_fast(list(words), add_special_tokens=False):
        ids = encoding.ids
        sequences.append(ids if special.isdisjoint(ids) else walled(ids, walls, values))
    return sequences


def cut_words(
    words: Iterable[list[int]], counts: Iterable[int], symbols: list[str], joins: Callable[[str, str], bool]
) -> dict[tuple[int, ...], int]:
    """The words cut wherever nothing may ever join, counted: a fifth as many where punctuation is part of a word."""

    def text(symbol: int) -> str:
        return symbols[symbol] if symbol >= 0 else chr(-symbol)

    @cache
    def apart(left: int, right: int) -> bool:
        return WALL in (left, right) or not joins(text(left), text(right))

    cut: dict[tuple[int, ...], int] = defaultdict(int)
    for word, count in zip(words, counts, strict=True):
        start = 0
        for at in range(1, len(word) + 1):
            if at == len(word) or apart(word[at - 1], word[at]):
                if at - start > 1 or word[start] < 0:
                    cut[tuple(word[start:at])] += count
                start = at
    return cut


def walled(ids: list[int], walls: set[int], values: Mapping[int, int]) -> list[int]:
    """The ids with walls for special tokens, and ``-ord(c)`` for a character c in place of its bytes."""
    out: list[int] = []
    spelled = bytearray()
    for number in [*ids, END]:
        if number in values:
            spelled.append(values[number])
            continue
        out += [-ord(character) if character >= "\x80" else WALL for character in spelled.decode(errors="replace")]
        spelled.clear()
        if number != END:
            out.append(WALL if number in walls else number)
    return out

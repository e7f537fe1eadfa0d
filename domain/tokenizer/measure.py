"""Compare tokenizers by source: bytes per token, byte fallback, vocabulary size, and the words that improve most."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.artifacts import PARTS, Corpus
from domain.tokenizer.blend import allocate, evenly, source_bytes
from domain.tokenizer.encoding.ranks import byte_alphabet
from domain.tokenizer.encoding.texts import encode_texts, load_tokenizer
from domain.tokenizer.splitting import byte_level

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PER_SOURCE, PER_PART = 1_000_000, 8_000_000  # bytes measured at most: an encoder reads some 3 MB a second
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
MOST_WORDS = 20_000  # domain words compared, the most frequent
FALLBACK = re.compile(r"<0x[0-9A-Fa-f]{2}>")
TOP = 20

Texts = dict[str, dict[str, list[str]]]


def measure(folder: Path, corpus: Corpus, against: Mapping[str, Path] | None = None) -> dict[str, Any]:
    """The facts of the tokenizer in ``folder``, and of those in ``against`` by name, on validation text.

    A part without validation text is measured on train text. Evenly from each source at most 1 MB is read, and a part
    is the sum of its sources, each with all the bytes that it holds.

    size: ids. bytes_per_token {part}: UTF-8 bytes over tokens, null without text; higher is better.
    single_bytes {part}: share of tokens that are no text of their own, see ``lone``.
    weighted_bits_per_byte {part}: tokens times log2(size) over bytes, which BloombergGPT chose its vocabulary by
    (arXiv 2303.17564, section 3.2); lower is better.
    sources {part: {source}}: the first two, and the ``bytes`` that were measured.
    against {name}: all these of the others.
    improved: the domain words that gain most over the tokenizer named ``base``, empty where none is: ``word``,
    ``count`` and tokens ``before`` and ``after``, by count times tokens saved.
    """
    texts, sizes = sampled(corpus)
    candidate = load_tokenizer(folder)
    others = {name: load_tokenizer(place) for name, place in (against or {}).items()}
    compared = improved(others["base"], candidate, texts["domain"]) if "base" in others else []
    return {
        **measured(candidate, texts, sizes),
        "compared": {name: measured(other, texts, sizes) for name, other in others.items()},
        "improved": compared,
    }


def sampled(corpus: Corpus) -> tuple[Texts, dict[str, dict[str, int]]]:
    """Texts to measure on, and the bytes that their split holds, both by part and source."""
    splits = {split: source_bytes(corpus, split) for split in ("validation", "train")}
    texts: Texts = {}
    sizes = {}
    for part in PARTS:
        split = "validation" if splits["validation"][part] else "train"
        here = sizes[part] = splits[split][part]
        capped = {source: min(size, PER_SOURCE) for source, size in here.items()}
        budgets = allocate(capped, {}, min(PER_PART, sum(capped.values())))
        texts[part] = {source: [] for source in here}
        for source, text in evenly(corpus.documents(split, part), budgets, here):
            texts[part][source].append(text)
        texts[part] = {source: some for source, some in texts[part].items() if some}
    return texts, sizes


def measured(
    tokenizer: PreTrainedTokenizerFast, texts: Texts, sizes: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """The facts of one tokenizer."""
    alone = lone(tokenizer)
    facts: dict[str, Any] = {"size": len(tokenizer), "bytes_per_token": {}, "single_bytes": {}}
    facts |= {"weighted_bits_per_byte": {}, "sources": {}}
    for part, by_source in texts.items():
        sources: dict[str, dict[str, float]] = {}
        size = tokens = single = 0.0
        for source, some in by_source.items():
            ids = np.concatenate(encode_texts(tokenizer, some))
            if not len(ids):
                continue
            read, lonely = sum(len(text.encode()) for text in some), int(alone[ids].sum())
            scale = sizes[part][source] / read
            size, tokens, single = size + read * scale, tokens + len(ids) * scale, single + lonely * scale
            sources[source] = {
                "bytes": read,
                "bytes_per_token": round(read / len(ids), 4),
                "single_bytes": round(lonely / len(ids), 6),
            }
        facts["bytes_per_token"][part] = round(size / tokens, 4) if tokens else None
        facts["single_bytes"][part] = round(single / tokens, 6) if tokens else None
        bits = tokens * math.log2(len(tokenizer)) / size if tokens else None
        facts["weighted_bits_per_byte"][part] = None if bits is None else round(bits, 4)
        facts["sources"][part] = sources
    return facts


def lone(tokenizer: PreTrainedTokenizerFast) -> np.ndarray:
    """bool [ids]: whether a token is one byte of a longer character, a fallback ``<0xNN>``, or the unknown token."""
    vocabulary = tokenizer.get_vocab()
    high = {letter for byte, letter in byte_alphabet().items() if byte >= 0x80}
    spelled = byte_level(json.loads(tokenizer.backend_tokenizer.to_str()))
    flags = np.zeros(1 + max(vocabulary.values()), bool)
    for piece, number in vocabulary.items():
        flags[number] = piece in high if spelled else FALLBACK.fullmatch(piece) is not None
    # An unknown token that also ends texts (GPT-2) or pads them is never met as unknown.
    if tokenizer.unk_token_id not in (None, tokenizer.eos_token_id, tokenizer.bos_token_id):
        flags[tokenizer.unk_token_id] = True
    return flags


def improved(
    before: PreTrainedTokenizerFast, after: PreTrainedTokenizerFast, texts: Mapping[str, list[str]]
) -> list[dict[str, Any]]:
    """The words that gain most; a word counts as it stands within a text or at its start, whichever is shorter."""
    counts = Counter(word for some in texts.values() for text in some for word in WORD.findall(text))
    words = sorted(counts, key=lambda word: (-counts[word], word))[:MOST_WORDS]
    lengths = []
    for tokenizer in (before, after):
        ids = encode_texts(tokenizer, [*words, *(f" {word}" for word in words)])
        lengths.append([min(len(ids[i]), len(ids[i + len(words)])) for i in range(len(words))])
    rows = [
        {"word": word, "count": counts[word], "before": old, "after": new}
        for word, old, new in zip(words, *lengths, strict=True)
        if new < old
    ]
    return sorted(rows, key=lambda row: (-row["count"] * (row["before"] - row["after"]), row["word"]))[:TOP]

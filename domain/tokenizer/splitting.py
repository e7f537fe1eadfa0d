"""How a tokenizer.json splits text into words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tokenizers

# Where a byte-level pre-tokenizer splits if it is asked to: GPT-2's own pattern.
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
NONE = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"))


def counting_tokenizer(content: dict[str, Any]) -> tuple[tokenizers.Tokenizer, bool]:
    """A tokenizer that splits as this one does, and whether its words still have to be spelled in bytes.

    Bytes are better spelled after counting, once for each distinct word: this halves the time.
    """
    chain = steps(content)
    spelled = bool(chain) and chain[-1]["type"] == "ByteLevel" and not chain[-1]["add_prefix_space"]
    if spelled and chain.pop().get("use_regex", True):
        chain.append(splitter(GPT2))
    if not splits(content):
        mark = " " if spelled else "▁"
        chain.append(splitter(f"{mark}+(?={mark})|{mark}?[^{mark}]+|{mark}"))
    pre_tokenizer = {"type": "Sequence", "pretokenizers": chain} if chain else None
    return wordless(content.get("normalizer"), pre_tokenizer), spelled


def wordless(normalizer: dict[str, Any] | None, pre_tokenizer: dict[str, Any] | None) -> tokenizers.Tokenizer:
    """A tokenizer that splits and knows no word."""
    from tokenizers import Tokenizer

    model = {"type": "WordLevel", "vocab": {}, "unk_token": ""}
    content: dict[str, Any] = {**NONE, "version": "1.0", "added_tokens": [], "model": model}
    return Tokenizer.from_str(json.dumps({**content, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer}))


def steps(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The pre-tokenizers one after another, sequences unrolled."""

    def unrolled(step: dict[str, Any] | None) -> list[dict[str, Any]]:
        if step is None or step["type"] != "Sequence":
            return [step] if step else []
        return [each for inner in step["pretokenizers"] for each in unrolled(inner)]

    return unrolled(content.get("pre_tokenizer"))


def splitter(pattern: str) -> dict[str, Any]:
    """A pre-tokenizer that splits into the matches of a pattern."""
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def byte_level(content: dict[str, Any]) -> bool:
    """Whether the pieces are spelled in GPT-2's alphabet of bytes."""
    normalizer = content.get("normalizer") or {"type": ""}
    return any(step["type"] == "ByteLevel" for step in [*steps(content), *normalizer.get("normalizers", [normalizer])])


def splits(content: dict[str, Any]) -> bool:
    """Whether two words become two words."""
    return not one_word(content, "to be")


def one_word(content: dict[str, Any], text: str) -> bool:
    """Whether a text stays in one piece."""
    tried = wordless(content.get("normalizer"), content.get("pre_tokenizer"))
    normal = tried.normalizer.normalize_str(text) if tried.normalizer else text
    return tried.pre_tokenizer is None or len(tried.pre_tokenizer.pre_tokenize_str(normal)) < 2

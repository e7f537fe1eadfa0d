"""The pre-tokenizer of a byte-level tokenizer as one regular expression that tiktoken reads the same way."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np

# What ByteLevel cuts by.
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"  # none of these letters is a part of a longer case folding

FOLDED = "stremvldSTREMVLD\u017f"  # all that is one of these in either case; the last is the long s

CLASS = r"\\[pP]\{\^?\w+\}|\\[pP][A-Z]|\\[sSdDwW]"
LITERAL = r"\\[rntfv]|\\[^\w\s]|[^\\\[\](){}|?*+^$.]"
MEMBERS = rf"\[\^?(?:{CLASS}|\\[rntfv]|\\[^\w\s]|[^\\\[\]&~-]|(?<=\w)-(?=\w))+\]"
ATOM = rf"{MEMBERS}|{CLASS}|{LITERAL}"
# Whatever is not listed (anchors, back references, look-behind, ...) may mean something else elsewhere.
SYNTAX = re.compile(
    rf"(?P<contractions>{re.escape(CONTRACTIONS)})|(?P<atom>{ATOM})|(?P<other>\(\?[:!=]|\)|\||"
    r"[?*+][?+]?|\{\d+(?:,\d*)?\}(?![?*+]))"
)


def pattern_of(pre_tokenizer: dict[str, Any] | None) -> str | None:
    """The pattern whose matches are the pieces of text that ``pre_tokenizer`` (of tokenizer.json) makes; None: unsure.

    Known are a ByteLevel, alone or last, and before it one cut by a pattern or by digits, or the digits and a pattern.
    """
    if pre_tokenizer is None:
        return None
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1]["add_prefix_space"]:
        return None
    cuts = [cut(step) for step in steps[:-1]]
    if steps[-1].get("use_regex", True):
        cuts.append(GPT2)
    match cuts:
        case []:
            return r"(?s:.+)"
        case [str(only)]:
            return grouped(only) if understood(only) else None
        case [str(digits), str(rest)] if understood(rest) and (digit := DIGITS.get(digits)):
            # A run of digits that stands alone must be one piece for the second cut as well.
            if digits != digit and rest != GPT2:
                return None
            apart = without(grouped(rest), digit)
            return f"{digits}|{apart}" if apart else None
    return None


def grouped(pattern: str) -> str:
    """An equal pattern, a quarter to a half faster: neighbouring alternatives that do not look ahead are one group.

    Of such a group fancy-regex makes one automaton; any other alternative is tried step by step.
    """
    alternatives, depth = [""], 0
    for token in SYNTAX.finditer(pattern):
        depth += (token[0].startswith("(") and not token["contractions"]) - (token[0] == ")")
        if token[0] == "|" and not depth:
            alternatives.append("")
        else:
            alternatives[-1] += token[0]
    groups: list[str] = []
    for plain, run in groupby(alternatives, lambda one: not re.search(r"\(\?[!=]|[?*+]\+", one)):
        some = list(run)
        groups += [f"(?:{'|'.join(some)})"] if plain else some
    return "|".join(groups)


# Cuts that part every character of a class from all that is not of it, with that class.
DIGITS = {r"\p{N}": r"\p{N}", r"\p{N}+": r"\p{N}", r"\p{N}{1,3}": r"\p{N}", "[0-9]": "[0-9]", r"\d": r"\d"}


def cut(step: dict[str, Any]) -> str | None:
    """The pattern of one step; both its matches and what lies between them are pieces."""
    match step:
        case {"type": "Digits", "individual_digits": alone}:
            return r"\p{N}" if alone else r"\p{N}+"
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False}:
            return pattern
    return None


def understood(pattern: str) -> bool:
    """Whether the pattern holds nothing but what every engine that backtracks takes the same way."""
    end = 0
    while token := SYNTAX.match(pattern, end):
        end = token.end()
    return bool(pattern) and end == len(pattern)


def without(pattern: str, kind: str) -> str | None:
    """``pattern`` where characters of ``kind`` end the text: each of its classes loses them.

    So it matches between them as if nothing stood behind, also where it looks ahead.
    """
    parts = []
    for token in SYNTAX.finditer(pattern):
        atom = token["atom"]
        if atom is not None and re.fullmatch(CLASS + "|" + MEMBERS, atom):
            parts.append(f"[{atom}--{kind}]" if atom.startswith("\\") else f"[{atom}--[{kind}]]")
        elif atom is not None and atom[-1].isnumeric():
            return None
        else:
            parts.append(token[0])
    return "".join(parts)


def told_apart(pattern: str) -> bool:
    """Whether ``tokenizers`` and ``tiktoken`` tell the same characters apart wherever ``pattern`` does."""
    kinds: set[str] = set()
    for each in SYNTAX.finditer(pattern):
        if each["contractions"]:
            if not told_alike(r"(?i:[stremvld])", telling()):
                return False
            kinds |= {f"(?i:{letter})" for letter in "stremvld"}
        elif each["atom"]:
            kinds |= set(re.findall(CLASS, each["atom"]))
    return all(told_alike(kind, FOLDED if kind.startswith("(") else telling()) for kind in sorted(kinds))


@lru_cache(maxsize=1)
def telling() -> str:
    """Every character but the inner ones of large uniform blocks, of which each 16th: 148,075 of 1,112,064.

    Engines differ in the version of Unicode that they know, so in what was added to it; most of that is here.
    """
    codes = np.arange(sys.maxunicode + 1)
    large = [(0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xF8FF), (0x20000, sys.maxunicode)]
    inner = np.zeros(len(codes), dtype=bool)
    for first, last in large:
        inner[first + 1 : last] = True
    inner[::16] = False
    inner[0xD800:0xE000] = True
    return "".join(map(chr, codes[~inner].tolist()))


@lru_cache(maxsize=256)
def told_alike(atom: str, characters: str) -> bool:
    """Whether ``tokenizers`` and ``tiktoken`` take the same of ``characters`` for this class."""
    import tiktoken
    from tokenizers import Regex, pre_tokenizers

    theirs = pre_tokenizers.Split(Regex(f"(?:{atom})+"), "removed", invert=True).pre_tokenize_str(characters)
    single = {bytes([byte]): byte for byte in range(256)}
    finder = tiktoken.Encoding("class", pat_str=f"(?:{atom})+", mergeable_ranks=single, special_tokens={})
    ours = finder.encode_to_numpy(characters, disallowed_special=()).astype(np.uint8).tobytes()
    return ours.decode() == "".join(piece for piece, _ in theirs)

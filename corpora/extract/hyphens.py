"""Joins words that are divided at line ends: with their hyphen or without, as the rest of the document spells them."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property

HYPHEN, SOFT = "-\u2010\u2011\u058a", "\u00ad"  # also the typographic and the Armenian one; a soft one breaks any word
# With the marks of Indic scripts, which are letters to no pattern.
LETTERS = r"(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff]){1,60}"
CHAIN = rf"{LETTERS}(?:[{HYPHEN}]{LETTERS}){{0,4}}"
WORD = re.compile(CHAIN)
BROKEN = re.compile(
    rf"(?P<first>{CHAIN})(?:[{HYPHEN}{SOFT}][ \t]{{0,9}}(?P<end>\n[ \t]{{0,9}}(?:\n[ \t]{{0,9}})?)|{SOFT})"
    rf"(?P<second>{CHAIN})"
)
ONE = str.maketrans(dict.fromkeys(HYPHEN[1:], "-"))
# What a hyphen follows even where the document shows no such compound, where the second part is one of its words.
BEGINNINGS = frozenset({
    "all", "cross", "first", "five", "four", "full", "half", "high", "ill", "large", "long", "low", "medium", "mid",
    "one", "pre", "post", "second", "short", "small", "ten", "third", "three", "two", "well", "year",
})  # fmt: skip
ALWAYS = frozenset({"ex", "non", "quasi", "self"})  # even where it is not
# "short- and long-term", "Vor- und Nachteile": the hyphen stands for what the next word says.
BETWEEN = frozenset(
    {"and", "or", "to", "und", "oder", "bis", "sowie", "et", "ou", "y", "o", "e", "en", "of", "и", "или"}
)


class Vocabulary:
    """What a document shows of its words: those that no line's end divides."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def words(self) -> Counter[str]:
        """How often each stands there; counted where a word is divided for the first time."""
        whole = BROKEN.sub(" ", self.text)
        return Counter(word.translate(ONE).lower() for word in WORD.findall(whole))

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """The first parts of its compounds."""
        return frozenset(word.partition("-")[0] for word in self.words if "-" in word)

    def shows(self, word: str) -> int:
        """How often a word stands there, also with or without the s of an English or French plural."""
        word = word.translate(ONE).lower()
        other = word.removesuffix("s") if word.endswith("s") else f"{word}s"
        return self.words[word] + self.words[other]


def rejoined(text: str) -> str:
    """The text without line ends and soft hyphens within words.

    A hyphen at a line's end is the word's own ("long-term") where the document writes the compound elsewhere more often
    than the whole word, and the printer's ("state-ments") where it is the other way round. Where it writes neither, the
    hyphen stays before a capital ("non-US"), behind an abbreviation ("EU-weit"), in a chain ("state-of-the-art"), and
    behind what begins compounds before a word of its own. Over an empty line, as between pages, words are made whole
    only where the document shows them.
    """
    vocabulary = Vocabulary(text)

    def whole(match: re.Match[str]) -> str:
        first, second, end = match["first"], match["second"], match["end"] or ""
        joined, compound = vocabulary.shows(first + second), vocabulary.shows(f"{first}-{second}")
        if end.count("\n") > 1 and not (joined or compound):
            return match[0].replace(SOFT, "-")
        if second.lower() in BETWEEN and not (joined or compound) and end:
            return f"{first}- {second}"
        own = compound > joined or (compound == joined and SOFT not in match[0] and likely(first, second, vocabulary))
        return f"{first}-{second}" if own else first + second

    return BROKEN.sub(whole, text).replace(SOFT, "")


def likely(first: str, second: str, vocabulary: Vocabulary) -> bool:
    """Whether a hyphen is a word's own, by its two parts."""
    if not (first.isupper() and second.isupper()) and (second[0].isupper() or (first.isupper() and len(first) > 1)):
        return True
    *before, last = first.translate(ONE).lower().split("-")
    following, *behind = second.translate(ONE).lower().split("-")
    if before or behind or last in ALWAYS:
        return True
    return vocabulary.words[following] > 0 and (last in BEGINNINGS or last in vocabulary.beginnings)

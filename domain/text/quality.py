"""Whether a text reads like text: the Gopher rules, with thresholds that technical prose and filings pass."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field

from domain.spec import Share, Spec

STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})


class QualityRules(Spec):
    """Rules and most thresholds from arXiv 2112.11446, table A1 and section A.1.1; deviations say why."""

    words_least: Annotated[int, Field(ge=0, description="Gopher: 50; 20 keeps short newswire and short docstrings")] = (
        20
    )
    words_most: Annotated[int, Field(ge=1, description="Gopher: 100,000; annual reports are longer")] = 1_000_000
    word_length_least: Annotated[float, Field(ge=0, description="mean characters per word")] = 3.0
    word_length_most: Annotated[float, Field(gt=0, description="Gopher: 10; reference text has long names")] = 14.0
    symbols: Annotated[float, Field(ge=0, description="hashes and ellipses per word, at most")] = 0.1
    bullets: Annotated[Share, Field(description="share of lines that begin with a bullet, at most")] = 0.9
    ellipses: Annotated[Share, Field(description="share of lines that end with an ellipsis, at most")] = 0.3
    letters: Annotated[Share, Field(description="share of words with a letter, at least; Gopher: 0.8, tables: 0.5")] = (
        0.5
    )
    stop_words: Annotated[int, Field(ge=0, description="how many of eight stop words must occur")] = 2
    repeated_lines: Annotated[
        Share, Field(description="share of characters in repeated lines, at most; Gopher: 0.2")
    ] = 0.4
    top_2gram: Annotated[Share, Field(description="share of characters in the commonest 2-gram")] = 0.2
    top_4gram: Annotated[Share, Field(description="share of characters in the commonest 4-gram")] = 0.16


def judge(text: str, rules: QualityRules) -> tuple[str, str] | None:
    """(reason, detail) of the first rule that the text breaks, or None."""
    split = text.split()
    count = len(split)
    if count < max(1, rules.words_least):
        return "too few words", str(count)
    if count > rules.words_most:
        return "too many words", str(count)
    length = sum(map(len, split)) / count
    if not rules.word_length_least <= length <= rules.word_length_most:
        return "word length", f"{length:.2f}"
    symbols = (text.count("#") + text.count("...") + text.count("…")) / count
    if symbols > rules.symbols:
        return "symbols", f"{symbols:.2f}"
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    bullets = sum(line.startswith(("•", "- ", "* ")) for line in lines) / len(lines)
    if bullets > rules.bullets:
        return "bullet lines", f"{bullets:.2f}"
    ellipses = sum(line.endswith(("...", "…")) for line in lines) / len(lines)
    if ellipses > rules.ellipses:
        return "ellipsis lines", f"{ellipses:.2f}"
    letters = sum(any(map(str.isalpha, word)) for word in split) / count
    if letters < rules.letters:
        return "words without letters", f"{1 - letters:.2f}"
    lowered = [word.lower() for word in split]
    if len(STOP_WORDS.intersection(lowered)) < rules.stop_words:
        return "no running text", f"fewer than {rules.stop_words} stop words"
    return repetition(lines, lowered, rules)


def repetition(lines: list[str], split: list[str], rules: QualityRules) -> tuple[str, str] | None:
    """The repetition rules: repeated lines, and 2- and 4-grams that make up too much of the text."""
    counts = Counter(lines)
    repeated = sum(len(line) * (n - 1) for line, n in counts.items()) / sum(map(len, lines))
    if repeated > rules.repeated_lines:
        return "repeated lines", f"{repeated:.2f}"
    characters = sum(map(len, split))
    for n, most in ((2, rules.top_2gram), (4, rules.top_4gram)):
        if len(split) < n:
            continue
        (gram, times), *_ = Counter(zip(*(split[i:] for i in range(n)), strict=False)).most_common(1)
        share = times * sum(map(len, gram)) / characters
        if times > 1 and share > most:
            return f"repeated {n}-gram", f"{share:.2f}"
    return None

"""FineWeb's rules on lines: whether they end like sentences, are long enough, differ, and are few for their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from domain.spec import Share, Spec
from domain.text.quality.counts import Counts
from domain.text.quality.languages import by_language
from domain.text.quality.violation import Violation
from domain.text.words import Split

# Unicode's property Sentence_Terminal, of the scripts in wide use today.
TERMINALS = frozenset(".!?‼‽⁇⁈⁉。！？．｡։؟۔؝؞।॥።፧፨၊။។៕᠃᠉꓿꘎꘏᱾᱿꯫﹒﹖﹗⸮")

ENGLISH_BREAKS = 0.3  # line breaks a word: FineWeb's


class FineWebRules(Spec):
    """From arXiv 2406.17557, section 3.6, made for web pages: lists, tables and forms fail them."""

    terminal: Annotated[
        Share | None, Field(description="share of lines that end with . ! ? or the like; by language: English 0.12")
    ] = None
    short: Annotated[Share, Field(description="share of short lines, at most")] = 0.67
    short_length: Annotated[int, Field(ge=0, le=10**6, description="characters of a short line, at most")] = 30
    repeated: Annotated[Share, Field(description="share of characters in lines that stood before, at most")] = 0.01
    breaks: Annotated[
        float | None, Field(ge=0, le=10**6, description="line breaks for each word, at most; by language: English 0.3")
    ] = None


def judge(texts: Split, counts: Counts, languages: Sequence[str], rules: FineWebRules) -> list[Violation | None]:
    """The first rule that each text breaks. A line is as short as its words: not asked of scripts without spaces."""
    terminal = by_language(languages, "terminal", rules.terminal, 0).tolist()
    breaks = by_language(languages, "breaks", rules.breaks, ENGLISH_BREAKS).tolist()
    rows = zip(texts.texts, counts.words.tolist(), counts.unspaced.tolist(), terminal, breaks, strict=True)
    return [first(*row, rules) for row in rows]


def first(
    text: str, words: int, unspaced: bool, terminal: float, most_breaks: float, rules: FineWebRules
) -> Violation | None:
    """The first rule that a text breaks."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if not lines:
        return Violation("no lines", 0.0)
    ended = sum(line[-1] in TERMINALS for line in lines) / len(lines)
    if ended < terminal:
        return Violation("lines without an end", ended)
    lengths = list(map(len, lines))
    short = sum(length <= rules.short_length for length in lengths) / len(lines)
    if short > rules.short and not unspaced:
        return Violation("short lines", short)
    breaks = text.count("\n")
    once = set(lines)
    if len(once) < len(lines):
        repeated = (sum(lengths) - sum(map(len, once))) / (len(text) - breaks)
        if repeated > rules.repeated:
            return Violation("repeated line characters", repeated)
    if breaks > most_breaks * max(1, words):
        return Violation("list", breaks / max(1, words))
    return None

"""FineWeb's rules on lines: whether they end like sentences, are long enough, differ, and are few for their words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.spec import Share, Spec
from domain.text.quality.counts import Counts
from domain.text.quality.violation import Violation
from domain.text.words import Split

# Unicode's property Sentence_Terminal, of the scripts in wide use today.
TERMINALS = frozenset(".!?‼‽⁇⁈⁉。！？．｡։؟۔؝؞।॥።፧፨၊။។៕᠃᠉꓿꘎꘏᱾᱿꯫﹒﹖﹗⸮")


class FineWebRules(Spec):
    """From arXiv 2406.17557, section 3.6, made for web pages: lists, tables and forms fail them."""

    terminal: Annotated[Share, Field(description="share of lines that end with . ! ? or the like, at least")] = 0.12
    short: Annotated[Share, Field(description="share of short lines, at most")] = 0.67
    short_length: Annotated[int, Field(ge=0, le=10**6, description="characters of a short line, at most")] = 30
    repeated: Annotated[Share, Field(description="share of characters in lines that stood before, at most")] = 0.01
    breaks: Annotated[float, Field(ge=0, le=10**6, description="line breaks for each word, at most")] = 0.3


def judge(texts: Split, counts: Counts, rules: FineWebRules) -> list[Violation | None]:
    """The first rule that each text breaks. A line is as short as its words: not asked of scripts without spaces."""
    rows = zip(texts.texts, counts.words.tolist(), counts.unspaced.tolist(), strict=True)
    return [first(text, words, unspaced, rules) for text, words, unspaced in rows]


def first(text: str, words: int, unspaced: bool, rules: FineWebRules) -> Violation | None:
    """The first rule that a text breaks."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if not lines:
        return Violation("no lines", 0.0)
    ended = sum(line[-1] in TERMINALS for line in lines) / len(lines)
    if ended < rules.terminal:
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
    if breaks > rules.breaks * max(1, words):
        return Violation("list", breaks / max(1, words))
    return None

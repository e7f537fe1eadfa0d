"""C4's rules: the lines of a page that are sentences stay, if they are enough."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from domain.spec import Spec
from domain.text.quality.violation import Violation

CITATION = re.compile(r"\[(?:\d*|edit|citation needed)\]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
# Marks, any closing quotes, and the end or a space; or a mark of a script that puts no space behind it. It takes up
# no run of marks twice, so that a megabyte of dots costs no more than one of text.
SENTENCE = re.compile(r"(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s|$)|[。！？｡։؟۔।॥።။។]+")


class C4Rules(Spec):
    """From jmlr.org/papers/v21/20-074, section 2.2, made for web pages: headings, tables and code do not pass."""

    ends: Annotated[str, Field(description="a line must end with one of these; C4: . ? ! \" '")] = (
        ".?!\"'”’。？！」』।॥؟۔։።។။｡．"
    )
    citations: Annotated[bool, Field(description="take out [1], [edit] and [citation needed]")] = True
    line_words: Annotated[int, Field(ge=0, le=10**6, description="words of a line, at least")] = 3
    word_length: Annotated[
        int, Field(ge=1, le=10**6, description="characters of the longest word of a line, at most")
    ] = 1000
    javascript: Annotated[bool, Field(description="lines that speak of it go")] = True
    policy: Annotated[bool, Field(description="lines that speak of cookies, privacy policy or terms of use go")] = True
    lorem_ipsum: Annotated[bool, Field(description="texts with it go")] = True
    curly_bracket: Annotated[bool, Field(description="texts with { go, since it means code")] = True
    sentences_least: Annotated[int, Field(ge=0, le=10**6, description="sentences in the lines that stay, at least")] = 5


@dataclass(frozen=True)
class KeptLines:
    """What stays of a text, and how many of its lines went."""

    text: str
    gone: int
    lines: int


def sentence_ends(text: str) -> list[int]:
    """Where each sentence ends; the last one at the end of the text, with a mark or without."""
    ends = [match.end() for match in SENTENCE.finditer(text)]
    return ends if ends and not text[ends[-1] :].strip() else [*ends, len(text)]


def judge(text: str, unspaced: bool, rules: C4Rules, ends: bool = True) -> KeptLines | Violation:
    """The text's lines that pass, or the rule that the text breaks.

    ``unspaced``: its words cannot be counted. ``ends``: its language has a mark for the end of a sentence.
    """
    lines = text.splitlines()
    staying, count = [], 0
    for line in passing(lines, text.lower(), unspaced, rules, ends):
        if isinstance(line, Violation):
            return line
        if count < rules.sentences_least:
            count += len(sentence_ends(line))
        staying.append(line)
    if count < rules.sentences_least or not staying:
        return Violation("too few sentences", count)
    return KeptLines("\n".join(staying).strip(), len(lines) - len(staying), len(lines))


def passing(lines: list[str], lowered: str, unspaced: bool, rules: C4Rules, marked: bool) -> Iterator[str | Violation]:
    """The lines that stay; a ``Violation`` where the whole text goes. ``lowered`` tells which rules can matter."""
    lorem = rules.lorem_ipsum and "lorem ipsum" in lowered
    script = rules.javascript and "javascript" in lowered
    policy = [phrase for phrase in POLICY if phrase in lowered] if rules.policy else []
    brackets = rules.curly_bracket and "{" in lowered
    cite = rules.citations and "[" in lowered
    ends = tuple(rules.ends)
    for line_in in lines:
        line = line_in.strip()
        if cite:
            line = CITATION.sub("", line)
        if (marked and not line.endswith(ends)) or line.endswith("..."):
            continue
        if not unspaced:
            if len(line_in.split(None, rules.line_words)) < rules.line_words:
                continue
            if len(line_in) > rules.word_length and max(map(len, line_in.split())) > rules.word_length:
                continue
        plain = line.lower() if lorem or script or policy else ""
        if lorem and "lorem ipsum" in plain:
            yield Violation("lorem ipsum", 1)
        if script and "javascript" in plain:
            continue
        if brackets and "{" in line:
            yield Violation("curly bracket", 1)
        if any(phrase in plain for phrase in policy):
            continue
        yield line

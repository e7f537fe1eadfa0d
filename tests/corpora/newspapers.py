"""A story of the kind that newspapers print, in many languages, and what makes gibberish of it.

``newspapers.tsv`` was written for these tests: stories, with | between lines; the keys of keyboards; and the beginning
of article 1 of the Universal Declaration of Human Rights, whose texts are in the public domain, in languages that are
not identified.
"""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path

ROWS = [line.split("\t") for line in Path(__file__).with_suffix(".tsv").read_text("utf-8").splitlines()]
STORIES = {code: text.replace("|", "\n") for kind, code, text in ROWS if kind == "story"}
DECLARATION = {code: text for kind, code, text in ROWS if kind == "declaration"}
KEYS = {code: text for kind, code, text in ROWS if kind == "keys"}


def shuffled(text: str, seed: int = 0, *, whole: bool = False) -> str:
    """Letters and marks in any order within each word; ``whole``: within what stands between spaces."""
    chance, done, run = random.Random(seed), list[str](), list[str]()
    for character in f"{text}\n":
        inside = not character.isspace() if whole else character.isalpha() or unicodedata.category(character)[0] == "M"
        if inside:
            run.append(character)
            continue
        chance.shuffle(run)
        done += [*run, character]
        run = []
    return "".join(done)


def keyboard(keys: str, seed: int = 0, words: int = 80) -> str:
    """Words of random keys."""
    chance = random.Random(seed)
    return " ".join("".join(chance.choices(keys, k=chance.randint(2, 9))) for _ in range(words))


def repeated(text: str, times: int = 8) -> str:
    """The first sentence, again and again, a line each."""
    return f"{re.split('(?<=[.。।])', text.replace(chr(10), ' '))[0]}\n" * times

"""A tokenizer.json within bounds, checked before it is opened: it may be somebody else's.

``tokenizers`` ends the process where memory runs out, and panics where a regular expression takes too long. So what
multiplies text is bounded by what the file says, and unknown regular expressions are tried in a process of their own.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from math import ceil, prod
from pathlib import Path
from typing import Any, get_args

from domain.errors import UserError, first_line
from domain.pretrained.folder import read_object

MOST_IDS = 10_000_000
MOST_PARTS = 1_000  # mappings in a step
MOST_STEPS = 32  # normalizers, pre-tokenizers, processors and decoders
LONGEST_STEP = 1_000  # characters of any text in them but a regular expression
LONGEST_REGEX = 10_000
LARGEST_GROWTH = 1_000  # of a text by its normalizers: NFKC and a step that replaces spaces take 132
LONGEST_WORD = 1_000  # characters that WordPiece splits into pieces
LONGEST_TEMPLATE = 64  # special tokens around a text
STEPS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
TRIAL_SECONDS, TRIAL_MEMORY = 4, 4 * 2**30
# In the child: limits, the steps with a model that knows nothing, and texts that make bad expressions run away.
TRIAL = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({TRIAL_SECONDS}, {TRIAL_SECONDS}))
resource.setrlimit(resource.RLIMIT_AS, ({TRIAL_MEMORY}, {TRIAL_MEMORY}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from tokenizers import Tokenizer
content, texts = json.load(sys.stdin)
tokenizer = Tokenizer.from_str(json.dumps(content))
for text in texts:
    tokenizer.encode(text)
    if tokenizer.decoder:
        tokenizer.decoder.decode([text])
print("well")
"""


CHECKED: set[tuple[str, int, int]] = set()  # files by path, size and time of their last change


class BoundsError(ValueError):
    """What is wrong with a tokenizer.json."""


def read_tokenizer(path: Path, place: str) -> dict[str, Any]:
    """The content of a tokenizer.json; raises ``UserError`` at ``place`` where it is outside of its bounds."""
    content = read_object(path, place)
    try:
        check_content(content)
        regexes = check_steps({name: content.get(name) for name in STEPS})
    except BoundsError as error:
        raise UserError(place, f"{path} {error}", "choose another tokenizer") from None
    except (AttributeError, LookupError, TypeError, ValueError):
        raise UserError(place, f"{path} is not laid out as tokenizers writes it", "save it again") from None
    if regexes - own_regexes() and not runs(
        json.dumps({name: content.get(name) for name in STEPS}), tuple(sorted(regexes))
    ):
        problem = f"{path} splits or normalizes text in a way that takes too long or fails"
        raise UserError(place, problem, "choose another tokenizer")
    return content


def check_tokenizer(path: Path, place: str) -> None:
    """``read_tokenizer`` once in a process for a file that does not change."""
    status = path.stat()
    state = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if state not in CHECKED:
        read_tokenizer(path, place)
        CHECKED.add(state)


def check_content(content: dict[str, Any]) -> None:
    """Raise ``BoundsError`` for ids or a model outside of the bounds."""
    model, added = content["model"], content.get("added_tokens") or []
    vocabulary = model["vocab"]
    numbers = [*(vocabulary.values() if isinstance(vocabulary, dict) else ()), *(token["id"] for token in added)]
    for number in numbers:
        if type(number) is not int or not 0 <= number < MOST_IDS:
            raise BoundsError(f"has the id {str(number)[:40]}; ids are whole numbers from 0 to {MOST_IDS - 1:,}")
    if len(vocabulary) + len(added) > MOST_IDS:
        raise BoundsError(f"has more than {MOST_IDS:,} pieces")
    if not 0 <= (model.get("dropout") or 0) <= 1:
        raise BoundsError("has a dropout that is not between 0 and 1")
    if (longest := model.get("max_input_chars_per_word") or 0) > LONGEST_WORD:
        raise BoundsError(f"splits words of up to {longest:,} characters, more than {LONGEST_WORD:,}")


def check_steps(steps: dict[str, Any]) -> set[str]:
    """The regular expressions in the steps, and "Precompiled" for tables; raises ``BoundsError``."""
    regexes: set[str] = set()
    for name, step in steps.items():
        parts = list(islice(parts_of(step), MOST_PARTS))
        if len(parts) == MOST_PARTS or len([part for part in parts if "type" in part]) > MOST_STEPS:
            raise BoundsError(f"has more than {MOST_STEPS} steps in its {name}")
        for part in parts:
            for key, value in part.items():
                texts = value if isinstance(value, list) else [value]
                longest = max((len(text) for text in texts if isinstance(text, str)), default=0)
                if longest > (LONGEST_REGEX if key == "Regex" else LONGEST_STEP) and key != "precompiled_charsmap":
                    raise BoundsError(f"has a text of {longest:,} characters in its {name}")
                if name == "post_processor" and isinstance(value, list) and len(value) > LONGEST_TEMPLATE:
                    raise BoundsError(f"adds {len(value):,} special tokens to a text")
        if (growth := prod(map(growth_of, parts))) > LARGEST_GROWTH:
            raise BoundsError(
                f"can make a text {growth:,} times as long in its {name}, more than {LARGEST_GROWTH:,} times"
            )
        regexes |= {part["Regex"] for part in parts if "Regex" in part}
        regexes |= {"Precompiled" for part in parts if part.get("type") == "Precompiled"}
    return regexes


def parts_of(step: Any) -> Iterator[dict[str, Any]]:
    """All mappings in a step, those within it included."""
    if isinstance(step, dict):
        yield step
        for value in step.values():
            yield from parts_of(value)
    elif isinstance(step, list):
        for value in step:
            yield from parts_of(value)


def growth_of(part: dict[str, Any]) -> int:
    """How many times as many bytes a step can make of a text, at most."""
    match part:
        case {"type": "Replace", "content": str(content), "pattern": {"String": str(replaced)}} if replaced:
            return max(1, ceil(len(content.encode()) / len(replaced.encode())))
        case {"type": "Replace", "content": str(content)}:
            return 1 + len(content.encode())  # a regular expression may find the empty text
        case {"type": "ByteLevel" | "Metaspace"}:
            return 2
        case {"type": "Precompiled", "precompiled_charsmap": str(table)}:
            return longest_replacement(table)
    return 1


def longest_replacement(table: str) -> int:
    """Bytes of the longest text in a SentencePiece table: a trie with its size before it, then texts ended by 0."""
    try:
        data = base64.b64decode(table, validate=True)
    except (binascii.Error, ValueError):
        raise BoundsError("has a table of characters that is not base64") from None
    texts = data[4 + int.from_bytes(data[:4], "little") :]
    return max(1, *(len(text) for text in texts.split(b"\0")))


@lru_cache(maxsize=1)
def own_regexes() -> set[str]:
    """Those of the tokenizers that Shoptalk trains."""
    from domain.tokenizer.train import Digits, word_pattern

    return {word_pattern(digits, multiword=clauses) for digits in get_args(Digits) for clauses in (False, True)}


@lru_cache(maxsize=64)
def runs(steps: str, regexes: tuple[str, ...]) -> bool:
    """Whether these steps, as JSON, do their work on hard texts within bounds of time and memory."""
    from domain.tokenizer.encoding.fast import CHARACTER_KINDS, HARD_TEXTS

    letters = [c for regex in regexes for c in dict.fromkeys(regex) if c.isprintable()][:200]
    signs = list(dict.fromkeys([*letters, *CHARACTER_KINDS]))
    ending = "".join(signs)
    pairs = [a + b for a in signs[:12] for b in signs[:12] if a != b]
    texts = [*HARD_TEXTS, *(sign * 400 + ending for sign in signs), *(pair * 150 + ending for pair in pairs)]
    model = {"type": "WordLevel", "vocab": {"": 0}, "unk_token": ""}
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "model": model,
    }
    content |= {**json.loads(steps), "post_processor": None}
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", TRIAL],
            input=json.dumps([content, texts]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
            timeout=15 * TRIAL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    return child.returncode == 0 and child.stdout.strip() == b"well"


@contextmanager
def encoding_errors(place: str, *, panics_only: bool = False) -> Iterator[None]:
    """What ``tokenizers`` raises on a text is a ``UserError`` at ``place``; a panic is not an ``Exception``."""
    try:
        yield
    except UserError:
        raise
    except BaseException as error:
        panic = type(error).__name__ == "PanicException"
        if not panic and (panics_only or not isinstance(error, Exception)):
            raise
        reason = first_line(error)[:300]
        raise UserError(place, f"its tokenizer fails on a text ({reason})", "choose another tokenizer") from None

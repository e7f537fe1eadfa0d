"""Records in JSON: one for each line, one array, or objects in sequence; files of any size are streamed."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

from corpora.files.record import (
    CHUNK_CHARACTERS,
    LONGEST_RECORD,
    Record,
    Unreadable,
    encoding_name,
    foreign,
    read_lines,
)

SPACED, LISTED = re.compile(r"[ \t\r\n]*"), re.compile(r"[ \t\r\n,]*")
MOST_VALUES = 5_000_000  # values of one record, by the marks between them


def lines(text: io.TextIOWrapper, encoding: str) -> Iterator[tuple[int, Record]]:
    """JSON Lines; blank lines are passed over."""
    for number, line in enumerate(read_lines(text), 1):
        if line is None:
            yield number, Unreadable(reason=f"is longer than {LONGEST_RECORD // 10**6} MB")
        elif line.strip():
            yield number, parsed(line, encoding)


def parsed(line: str, encoding: str) -> Record:
    """The record of one line."""
    if foreign(line):
        return Unreadable(reason=f"is not {encoding_name(encoding)}")
    if crowded(line):
        return Unreadable(reason=f"holds more than {MOST_VALUES:,} values")
    try:
        return as_record(json.loads(line))
    except (ValueError, RecursionError) as error:
        return Unreadable(reason=f"is not valid JSON ({error})")


def crowded(text: str) -> bool:
    """Whether a JSON text may hold so many values that their objects fill the memory: ``[],[],[]`` takes 25 times as
    much as its text."""
    return len(text) > MOST_VALUES and sum(map(text.count, ",[{")) > MOST_VALUES


def as_record(value: Any) -> Record:
    """A JSON value as a record."""
    return value if isinstance(value, dict) else Unreadable(reason=f"holds {type(value).__name__}, not an object")


def values(text: io.TextIOWrapper, encoding: str) -> Iterator[tuple[int, Record]]:
    """A ``.json`` file: one array, objects one after the other over any number of lines, or JSON Lines.

    It is JSON Lines if its first line that is not blank is a whole value other than ``[``; else a record is told by
    the line that it begins on. Behind a value that is not valid JSON nothing is found again: it breaks the rest.
    """
    first, line = "", 0
    while not first.strip():
        if not (first := text.readline(CHUNK_CHARACTERS)):
            return
        line += 1
    if not first.lstrip().startswith("["):
        # Only a line that is no array is looked at as a whole.
        first += "" if first.endswith("\n") else text.readline(LONGEST_RECORD - CHUNK_CHARACTERS)
        if len(first) == LONGEST_RECORD or not isinstance(parsed(first, encoding), Unreadable):
            yield line, parsed(first, encoding)
            for number, record in lines(text, encoding):
                yield line + number, record
            return
    start = first.lstrip()
    line += first[: len(first) - len(start)].count("\n")
    yield from stream(text, start.removeprefix("["), line, encoding, listed=start.startswith("["))


def stream(
    text: io.TextIOWrapper, buffer: str, line: int, encoding: str, *, listed: bool
) -> Iterator[tuple[int, Record]]:
    """Values one after the other, or those of one array; ``buffer`` is what was read of them, ``line`` where it begins.

    A value is tried in windows that double, so that no more of the text than twice its length is looked at.
    """
    decoder, window, between, at = json.JSONDecoder(), CHUNK_CHARACTERS, 0, 0
    while True:
        begin = (LISTED if listed and between else SPACED).match(buffer, at).end()  # type: ignore[union-attr]
        line += buffer.count("\n", at, begin)
        buffer, at = (buffer[begin:], 0) if begin > CHUNK_CHARACTERS and begin > len(buffer) // 2 else (buffer, begin)
        if listed and buffer.startswith("]", at):
            listed, at = False, at + 1
            continue
        here = len(buffer) - at
        tried = buffer[at : at + window]
        if crowded(tried):
            yield line, Unreadable(reason=f"holds more than {MOST_VALUES:,} values", rest=True)
            return
        try:
            value, end = decoder.raw_decode(tried)
        except (ValueError, RecursionError) as error:
            deep = isinstance(error, RecursionError)
            if here > window and not deep and window <= LONGEST_RECORD:
                window *= 2
                continue
            # The value may go on; each try reads as much again, so that all tries together stay linear.
            piece = "" if deep or here > LONGEST_RECORD else text.read(max(CHUNK_CHARACTERS, here))
            if piece:
                buffer, at = buffer[at:] + piece, 0
                window = max(window, len(buffer))
                continue
            if here or listed:
                yield line or 1, too_long_or(error, buffer[at:], encoding)
            return
        content, at, window, between = tried[:end], at + end, CHUNK_CHARACTERS, between + 1
        if end > LONGEST_RECORD:
            yield line, Unreadable(reason=f"is longer than {LONGEST_RECORD // 10**6} MB")
        else:
            yield line, Unreadable(reason=f"is not {encoding_name(encoding)}") if foreign(content) else as_record(value)
        line += content.count("\n")


def too_long_or(error: Exception, buffer: str, encoding: str) -> Unreadable:
    """Why no value could be read behind this point."""
    if len(buffer) > LONGEST_RECORD:
        return Unreadable(reason=f"is longer than {LONGEST_RECORD // 10**6} MB", rest=True)
    problem = (
        f"is not {encoding_name(encoding)}" if foreign(buffer[:CHUNK_CHARACTERS]) else f"is not valid JSON ({error})"
    )
    return Unreadable(reason=f"{problem}; the file is broken from here on", rest=True)

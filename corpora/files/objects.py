"""Records in JSON: a line each, one array, or objects one after the other; a file of any size is streamed."""

from __future__ import annotations

import io
import json
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
    try:
        return as_record(json.loads(line))
    except (ValueError, RecursionError) as error:
        return Unreadable(reason=f"is not valid JSON ({error})")


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
        if not (first := text.readline(LONGEST_RECORD)):
            return
        line += 1
    start = first.lstrip()
    if not start.startswith("[") and (
        len(first) == LONGEST_RECORD or not isinstance(parsed(first, encoding), Unreadable)
    ):
        yield line, parsed(first, encoding)
        for number, record in lines(text, encoding):
            yield line + number, record
        return
    line += first[: len(first) - len(start)].count("\n")
    buffer, listed = start.removeprefix("["), start.startswith("[")
    decoder, more, between = json.JSONDecoder(), CHUNK_CHARACTERS, 0
    while True:
        stripped = buffer.lstrip(" \t\r\n," if listed and between else " \t\r\n")
        line += buffer[: len(buffer) - len(stripped)].count("\n")
        buffer = stripped
        if listed and buffer.startswith("]"):
            listed, buffer = False, buffer[1:]
            continue
        try:
            value, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            # The value may go on; each try reads as much again, so that all tries together stay linear.
            piece = "" if isinstance(error, RecursionError) or len(buffer) > LONGEST_RECORD else text.read(more)
            if piece:
                buffer, more = buffer + piece, max(CHUNK_CHARACTERS, len(buffer) + len(piece))
                continue
            if buffer or listed:
                yield line or 1, too_long_or(error, buffer, encoding)
            return
        content, buffer, more, between = buffer[:end], buffer[end:], CHUNK_CHARACTERS, between + 1
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

"""What a command prints, made safe for a terminal: strange text moves no cursor and hides nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from domain.url_secrets import shown

# Controls (C0 without tab and line feed, DEL, C1), what turns or isolates the direction of writing, separators of lines
# and paragraphs, invisible tags, halves of surrogate pairs. Joiners stay: Persian, Hindi and emoji need them.
STRANGE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
STYLE = re.compile("\x1b\\[(?:0|1|3[12]|1;3[12])m")  # the colours and bold of this command's own output

MOVES = re.compile("(?:\r|\x1b\\[A$)?")


def safe(text: str, *, styled: bool = False) -> str:
    """The text with strange characters as escapes that JSON reads too (``\\u001b``), and addresses without secrets.

    ``styled`` lets bold, red and green pass.
    """
    if styled:
        parts, styles = STYLE.split(text), [*STYLE.findall(text), ""]
        return "".join(safe(part) + style for part, style in zip(parts, styles, strict=True))
    return STRANGE.sub(escaped, shown(text))


def escaped(match: re.Match[str]) -> str:
    """A character as JSON would escape it: two halves beyond U+FFFF."""
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class GuardedStream:
    """A text stream that writes ``safe`` text; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write the text, safely; the number of characters is that of what was handed in.

        On a terminal a progress bar returns to the begin of its line, or of the one above.
        """
        live = self.stream.isatty()
        moves = MOVES.match(text)[0] if live else ""  # type: ignore[index]
        self.stream.write(moves + safe(text[len(moves) :], styled=live))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each of the lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


@contextmanager
def safe_output() -> Iterator[None]:
    """Standard output and standard error write safe text only, in any encoding that the terminal has."""
    out, err = sys.stdout, sys.stderr
    for stream in (out, err):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = GuardedStream(out), GuardedStream(err)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err

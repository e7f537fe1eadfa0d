"""The result of a request: an answer, or one of three errors that say what may be done about it."""

from __future__ import annotations

import codecs
import email.message
import email.utils
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from corpora.web.decode import DecodeError, decoded
from domain import url_secrets

LONGEST_SHOWN = 4_000  # characters of a URL that are looked at for a message


class NotFoundError(LookupError):
    """404 or 410: it is not there, or no longer."""


class Unfit(ValueError):
    """What came cannot be used, and would not be better for asking again. ``status`` where that was the reason."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ConnectionError):
    """No whole answer came, though asked several times. ``after``: seconds that the server wants to rest."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``url`` is the final one, after redirects. ``status`` is 200, 206 or 304; names of headers are lower-case."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def charset(self) -> str | None:
        """The character encoding that the server states, if Python knows it."""
        message = email.message.Message()
        message["content-type"] = self.headers.get("content-type", "")
        stated = str(message.get_param("charset") or "")
        try:
            b"\xff".decode(stated, errors="replace")  # some codecs that Python knows are none of text
            return codecs.lookup(stated).name
        except (LookupError, ValueError):
            return None

    @property
    def text(self) -> str:
        """The content as text, in the stated encoding or UTF-8; what is broken becomes U+FFFD."""
        return self.content.decode(self.charset or "utf-8", errors="replace")


@dataclass(frozen=True, kw_only=True)
class Arriving:
    """An answer whose headers are there, and whose body can be read once."""

    url: str
    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]

    def body(self, limit: int, *, packed: bool = False, cut: bool = False) -> Iterator[bytes]:
        """The body in pieces, its Content-Encoding undone unless ``packed``.

        What is beyond ``limit`` bytes raises ``Unfit``, or with ``cut`` is left unread.
        """
        encoding = "" if packed else self.headers.get("content-encoding", "")
        length = self.headers.get("content-length", "")
        if not (encoding or cut) and length.isdigit() and int(length) > limit:
            raise Unfit(f"{shown(self.url)} holds {int(length):,} bytes, more than {limit:,}")
        left = limit
        try:
            for piece in decoded(self.chunks, encoding):
                if len(piece) > left:
                    if cut:
                        yield piece[:left]
                        return
                    raise Unfit(f"{shown(self.url)} holds more than {limit:,} bytes")
                left -= len(piece)
                yield piece
        except DecodeError as error:
            raise Unfit(f"{shown(self.url)} {error}") from None


def raise_for_status(
    url: str, status: int, headers: Mapping[str, str], *, fine: tuple[int, ...], busy: tuple[int, ...]
) -> None:
    """Raise what a status means: nothing for ``fine``; ``busy`` and 5xx may be asked again."""
    if status in fine:
        return
    message = f"{shown(url)} answers {status}"
    if status in (404, 410):
        raise NotFoundError(message)
    if status in busy or status >= 500:
        raise Unreachable(message, after=retry_after(headers.get("retry-after", "")))
    raise Unfit(message, status)


def retry_after(value: str) -> float | None:
    """Seconds that a Retry-After header asks for, in seconds or as a date; None where it says nothing."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def shown(url: str) -> str:
    """A URL for a message: one line, without what in it may be secret."""
    plain = "".join(c if c.isprintable() else "?" for c in url_secrets.shown(url[:LONGEST_SHOWN]))
    return plain if len(plain) <= 200 else f"{plain[:200]}..."

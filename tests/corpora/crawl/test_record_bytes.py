"""Field names in any case, and files that break off anywhere."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable

import pytest

from corpora.crawl.capture import Capture
from corpora.crawl.warc import captures
from tests.corpora.crawl.warcs import http, page, record

FIRST, LAST = (record(http(page(n)), f"http://a.example/{n}") for n in (1, 2))
BOTH = ["http://a.example/1", "http://a.example/2"]


def told(content: bytes) -> list[str]:
    """The URL of each page, and the reason for each break."""
    found = captures(io.BytesIO(content), lambda url: True)
    return [each.url if isinstance(each, Capture) else each.reason for each in found]


def respell(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    head, end, block = content.partition(b"\r\n\r\n")
    version, *fields = head.split(b"\r\n")
    names = (field.partition(b":") for field in fields)
    return b"\r\n".join([version, *(change(name) + mark + value for name, mark, value in names)]) + end + block


@pytest.mark.parametrize("change", [bytes.lower, bytes.upper, bytes.title, bytes.swapcase])
@pytest.mark.parametrize("packed", [gzip.compress, bytes])
def test_field_names_in_any_case(change: Callable[[bytes], bytes], packed: Callable[[bytes], bytes]) -> None:
    one, two = respell(FIRST, change), respell(LAST, change)
    for parts in ((one, LAST), (FIRST, two), (one, two)):
        assert told(b"".join(map(packed, parts))) == BOTH


def test_a_file_that_is_whole() -> None:
    whole = [FIRST + LAST, gzip.compress(FIRST) + gzip.compress(LAST), gzip.compress(FIRST + LAST)]
    for content in [*whole, whole[0] + b"\r\n", whole[1] + gzip.compress(b"")]:
        assert told(content) == BOTH


@pytest.mark.parametrize("packed", [gzip.compress, bytes])
def test_a_file_that_breaks_off_in_its_last_record(packed: Callable[[bytes], bytes]) -> None:
    first, last = packed(FIRST), packed(LAST)
    head = len(last) if packed is gzip.compress else last.index(b"\r\n\r\n")
    places = {1, 2, 3, 5, 8, 12, 17, 20, 25, 40, 60, 100, 150, head - 3, head - 1, len(last) // 2, len(last) - 12}
    for cut in sorted(places):
        page_there, *rest = told(first + last[:cut])
        assert page_there == BOTH[0]
        assert any("breaks off" in reason or "is no readable" in reason for reason in rest), cut


def test_one_member_that_breaks_off() -> None:
    whole = gzip.compress(FIRST + LAST)
    for cut in range(20, len(whole), 11):
        assert any(not each.startswith("http") for each in told(whole[:cut])), cut

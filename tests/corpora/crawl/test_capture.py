"""Encodings that are undone, and records that cannot be read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from corpora.document import Document
from tests.corpora.crawl.warcs import GOOD, http, packed, page, read, reasons, record, urls

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ("Content-Encoding: gzip\r\n", gzip.compress(page())),
        ("Content-Encoding: gzip\r\n", page()),  # the crawler has undone it and left the header
        ("Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(page()), page())),
        ("Transfer-Encoding: chunked\r\n", page()),
    ],
)
def test_encodings_of_a_response(tmp_path: Path, more: str, body: bytes) -> None:
    (found,) = read(tmp_path, packed(record(http(body, more=more), "http://a.example/")))
    assert isinstance(found, Document)
    assert found.text.count("The committee reviewed") == 30


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (http(b"5\r\nhello\r\nzz\r\n", more="Transfer-Encoding: chunked\r\n"), "is no readable HTTP response"),
        (http(b"ff\r\nhello\r\n", more="Transfer-Encoding: chunked\r\n"), "is no readable HTTP response"),
        (http(gzip.compress(page())[:-20], more="Content-Encoding: gzip\r\n"), "is damaged"),
        (http(b"x", more="Content-Encoding: rot13\r\n"), "not asked for"),
        (http(gzip.compress(bytes(101_000_000)), more="Content-Encoding: gzip\r\n"), "is larger than 100 MB"),
        (b"no response", "is no HTTP response"),
    ],
)
def test_a_broken_record_is_quarantined_and_the_rest_read(tmp_path: Path, block: bytes, reason: str) -> None:
    found = read(tmp_path, packed(*GOOD[:2], record(block, "http://a.example/bad"), *GOOD[2:]))
    assert urls(found) == [f"http://a.example/{n}" for n in range(5)]
    assert [reason in each for each in reasons(found)] == [True]


def test_a_digest_that_does_not_hold(tmp_path: Path) -> None:
    wrong = "WARC-Block-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
    found = read(tmp_path, packed(GOOD[0], record(http(page()), "http://a.example/x", more=wrong), GOOD[1]))
    assert len(urls(found)) == 2
    assert reasons(found) == ["is not what its WARC-Block-Digest says"]

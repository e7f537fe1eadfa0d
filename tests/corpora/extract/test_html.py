from __future__ import annotations

import codecs
import html
import os
from pathlib import Path

import pytest

from corpora.extract.charset import decoded
from corpora.extract.html import LARGEST_HTML, page
from corpora.extract.job import Mode

WORDS = "Der Vorstand erwartet für das Geschäftsjahr höhere Erlöse — „deutlich“ über dem Vorjahr."


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        (codecs.BOM_UTF8 + "é".encode(), "latin-1", "é"),
        (codecs.BOM_UTF16_LE + "é€".encode("utf-16-le"), None, "é€"),
        ("é€".encode(), "iso-8859-1", "é€"),  # the header is wrong: valid UTF-8 is UTF-8
        ("Привет".encode("cp1251"), "windows-1251", "Привет"),
        (b"<meta charset='shift_jis'>" + "日本".encode("shift_jis"), None, "<meta charset='shift_jis'>日本"),
        (b'<?xml version="1.0" encoding="koi8-r"?>' + "да".encode("koi8-r"), None,
         '<?xml version="1.0" encoding="koi8-r"?>да'),
        (b"\x93caf\xe9\x94 \x80", "iso-8859-1", "“café” €"),  # browsers read latin-1 as Windows-1252
        (b"caf\xe9", "utf-8", "café"), (b"caf\xe9", "no-such", "café"), (b"caf\xe9", "zip", "café"),
        ("é€ß".encode() + b"\xff", None, "é€ß\ufffd"),  # one broken byte does not make the rest Windows-1252
        (b"<meta charset=utf-16>plain", None, "<meta charset=utf-16>plain"),
        (b"a\x00b\x1bc\td\n", None, "abc\td\n"), (b"", None, ""),
    ],
)  # fmt: skip
def test_charsets(content: bytes, charset: str | None, text: str) -> None:
    assert decoded(content, charset) == text


def test_a_page_in_the_wrong_charset_is_not_lost(mode: Mode) -> None:
    body = f"<html><body><article><p>{WORDS * 6}</p></article></body></html>"
    for encoding, said in (("utf-8", "latin-1"), ("cp1252", "utf-8"), ("cp1252", None), ("cp1252", "rot13")):
        assert WORDS in page(body.encode(encoding), charset=said, mode=mode).text


NEWS = "".join(
    f"<p>Paragraph {i}: the bank raised its forecast for the year, since rates had stayed high for longer.</p>"
    for i in range(8)
)
LINKS = "".join(f'<li><a href="/{i}">Elsewhere on these pages number {i}, which is news</a></li>' for i in range(40))
PAGE = f"""<!doctype html><html lang="en-GB"><head><title>Bank raises forecast</title>
<link rel="canonical" href="https://news.example/bank">
<meta property="article:published_time" content="2024-03-05T09:00Z">
<script>var hidden = "script text";</script></head><body><nav><ul>{LINKS}</ul></nav>
<article><h1>Bank raises forecast</h1>{NEWS}<table><tr><th>Year</th><th>Profit</th></tr><tr><td><div>2023</div></td>
<td><p>5</p></td></tr></table></article>
<div id="comments"><p>First! said somebody in a comment under the line.</p></div>
<footer><p>All rights reserved by the publisher.</p><ul>{LINKS}</ul></footer></body></html>"""


def test_main_text_without_what_surrounds_it(mode: Mode) -> None:
    found = page(PAGE.encode(), mode=mode)
    assert all(f"Paragraph {i}:" in found.text for i in range(8))
    assert not [word for word in ("Elsewhere", "script text", "All rights", "First!") if word in found.text]
    assert "Year | Profit" in found.text
    assert "2023 | 5" in found.text
    told = (found.title, found.date, found.language, found.url)
    assert told == ("Bank raises forecast", "2024-03-05", "en", "https://news.example/bank")


@pytest.mark.parametrize(
    ("head", "day"),
    [
        ('<meta name="DC.date" content="20240131">', "2024-01-31"),
        ('<meta itemprop="datePublished" content="2024/01/31 10:00">', "2024-01-31"),
        ('<script type="application/ld+json">{"datePublished": "2024-01-31T08:00:00Z"}</script>', "2024-01-31"),
        ("<body><time class=a datetime='2024-01-31'>today</time>", "2024-01-31"),
        ("<body><time datetime='2024-01-31'></time><time datetime='2023-01-31'></time>", None),
        ('<meta name="date" content="2024-02-31">', None), ('<meta name="date" content="5 March">', None),
    ],
)  # fmt: skip
def test_dates(head: str, day: str | None) -> None:
    assert page(f"<html><head>{head}<p>text".encode()).date == day


def test_a_filing_is_kept_whole_with_its_tables() -> None:
    rows = "".join(f"<tr><td><div>Item {i}</div></td><td>$</td><td><span>{i},000</span></td></tr>" for i in range(30))
    prose = "".join(
        f"<div><span>Note {i}.</span> The Company recognizes revenue upon delivery.</div>" for i in range(60)
    )
    hidden = "<ix:header><ix:hidden>0000320193 2024 FY false P1Y</ix:hidden></ix:header>"
    text = page(f"<?xml version='1.0' encoding='ASCII'?><html><body>{hidden}{prose}<table>{rows}</table>".encode()).text
    assert "P1Y" not in text
    assert all(f"Note {i}. The Company recognizes revenue upon delivery." in text for i in range(60))
    assert all(f"Item {i} | $ | {i},000" in text.splitlines() for i in range(30))


@pytest.mark.parametrize("content", [b"", b"\x00\x00", b"<!-- only a comment -->", b"<html/>", b"\xff\xfe"])
def test_pages_without_anything(content: bytes) -> None:
    assert page(content).text == page(content, mode="resiliparse").text == ""


def test_deep_and_large_pages() -> None:
    deep = b"<html><body>" + b"<div>" * 3_000 + b"<p>at the bottom of it</p>" + b"</div>" * 3_000 + b"<p>after all that"
    assert page(deep).text.split() == ["at", "the", "bottom", "of", "it", "after", "all", "that"]
    with pytest.raises(ValueError, match="larger than 100 MB"):
        page(bytes(LARGEST_HTML + 1))


def test_surrogates_and_text_that_looks_like_markup() -> None:
    text = page(f"<p>half &#xD800; of a pair, {html.escape('a < b')} &amp; &nbsp;more</p>".encode()).text
    text.encode()
    assert "a < b &" in text


def test_real_pages_are_read(tmp_path: Path) -> None:
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        pytest.skip("SHOPTALK_TEST_DATA is not set")
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with (Path(origin) / "warc" / "sample-0000.warc.gz").open("rb") as file:
        records = ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True, auto_decode="all")
        pages = {record.headers["WARC-Target-URI"].strip("<>"): record.reader.read() for record in records}
    assert len(pages) == 22  # as the manifest says
    found = {url: page(content) for url, content in pages.items()}
    assert all(len(one.text) > 400 for one in found.values())
    post = found["https://maria-antoniak.github.io/2022/07/27/topic-modeling-for-the-people.html"]
    assert "topic model" in post.text
    assert post.language == "en"

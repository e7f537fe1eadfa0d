from __future__ import annotations

import json
import os
import re
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from corpora.extract.filing import filing, filing_with_exhibits, itemised
from corpora.extract.filing.contents import without_contents
from corpora.extract.filing.items import divided
from corpora.extract.filing.markup import markup_lines
from corpora.extract.filing.pages import unpaged
from corpora.extract.filing.plain import is_plain, plain_lines
from corpora.extract.filing.submission import pruned, submission

HEADER = b"""-----BEGIN PRIVACY-ENHANCED MESSAGE-----
<SEC-DOCUMENT>0000000001-24-000001.txt : 20240213
<SEC-HEADER>0000000001-24-000001.hdr.sgml : 20240213
ACCESSION NUMBER:\t\t0000000001-24-000001
CONFORMED SUBMISSION TYPE:\t8-K
FILED AS OF DATE:\t\t20240213
FILER:
\tCOMPANY DATA:
\t\tCOMPANY CONFORMED NAME:\t\t\tACME & SONS INC /DE/
</SEC-HEADER>
"""


def document(kind: str, body: str) -> bytes:
    head = f"<DOCUMENT>\n<TYPE>{kind}\n<SEQUENCE>1\n<FILENAME>a.htm\n<DESCRIPTION>x\n<TEXT>\n"
    return f"{head}{body}\n</TEXT>\n</DOCUMENT>\n".encode()


def text_of(html: str) -> str:
    return "\n".join(markup_lines(html.encode())).strip()


def test_a_submission_is_taken_apart_and_pruned_of_what_is_no_prose() -> None:
    parts = [
        document(
            "8-K",
            "<XBRL>\n<?xml version='1.0'?>\n<!--Made by\n<x>--><!-- 1 -->\n<html><p>Main.</p></html>\n</XBRL>",
        ),
        document("EX-99.1", "<p>Press.</p>"),
        document("EX-99.2", "<PDF>\nbegin 644 slides.pdf\nM)5!$1BT\n`\nend\n</PDF>"),
        document("GRAPHIC", "begin 644 logo.jpg\nM_]C_X``0\nend"),
        document("EX-101.SCH", "<XBRL>\n<?xml version='1.0'?>\n<!-- html --><xsd:schema/>\n</XBRL>"),
        document("ZIP", "begin 644 x.zip\nM4$L#!\nend"),
    ]
    whole = HEADER + b"".join(parts) + b"</SEC-DOCUMENT>\n"
    found = submission(whole)
    assert (found.accession, found.form, found.filed) == ("0000000001-24-000001", "8-K", "20240213")
    assert [part.kind for part in found.parts] == ["8-K", "EX-99.1"]
    small = pruned(whole)
    assert submission(small) == found
    assert b"begin 644" not in small
    assert b"xsd:schema" not in small
    assert small.count(b"<DOCUMENT>") == 6
    assert filing(whole) == filing(small)
    assert (filing(whole).text, filing(whole).title, filing(whole).date) == (
        "Main.", "ACME & SONS INC /DE/ 8-K", "2024-02-13",
    )  # fmt: skip
    text, items = itemised(filing_with_exhibits(whole).text)
    assert text == "Main.\n\nPress."
    assert [(item.key, item.text) for item in items] == [("EX-99.1", "Press.")]
    assert filing(whole[: whole.index(b"ain.</p>") + 4]).text == "Main."  # a copy that broke off
    for broken in (b"", b"<html>no submission</html>", HEADER, HEADER + parts[2], HEADER + document("10-K", "  ")):
        with pytest.raises(ValueError, match="holds no document"):
            filing(broken)


def test_hidden_text_is_gone_and_tables_can_be_read() -> None:
    page = """<?xml version="1.0" encoding="UTF-8"?><html xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"><body>
    <div style="DISPLAY: none"><ix:header><ix:hidden><ix:nonNumeric>0000320193</ix:nonNumeric></ix:hidden>
    <ix:resources>us-gaap:CommonStockMember</ix:resources></ix:header></div>kept tail
    <p>Net&nbsp;sales   were <ix:nonFraction name="us-gaap:Revenues">391,035</ix:nonFraction>
    million\u200b.<br/>Next line</p><script>alert(1)</script>
    <table><tr><td colspan="3"></td><td>2024</td><td> </td><td>2023</td></tr>
    <tr><td>Products</td><td>$</td><td>294,866</td><td></td><td>$</td><td>(298,085</td><td>)</td></tr>
    <tr><td>Margin</td><td>45.6</td><td>%</td><td>—</td><td>%</td></tr>
    <tr><td>•</td><td>a point</td></tr><tr><td>Item 2.</td><td>Properties</td></tr></table></body></html>"""
    assert text_of(page) == (
        "kept tail\n\nNet sales were 391,035 million.\nNext line\n\n2024 | 2023\nProducts | $294,866 | $(298,085)\n"
        "Margin | 45.6% | —%\n• a point\nItem 2. Properties"
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<table><tr><td>" + "long " * 60 + "<p>second</p></td><td>b</td></tr></table>",
            "long " * 60 + "\n\nsecond\n\nb",
        ),
        ("<table><tr><td>a<table><tr><td>1</td><td>2</td></tr></table></td><td>b</td></tr></table>", "a 1 | 2 | b"),
        ("<pre>a  b\n c</pre>", "a  b\nc"),
        ("<p>a</td></tr></table>b<table><td>c", "ab\n\nc"),
        ("<p>\ue0f3private\uf0b7</p>", "private\uf0b7"),
        ("", ""),
        ("\x00<p>NUL\x00</p>", "NUL"),
    ],
)
def test_odd_html(html: str, text: str) -> None:
    assert re.sub(r" +(?=\n|$)", "", text_of(html)) == re.sub(r" +(?=\n|$)", "", text)


def test_windows_text_and_deep_html() -> None:
    assert markup_lines("<p>the “fund” – €5</p>".encode("cp1252")) == ["the “fund” – €5", ""]
    deep = markup_lines(b"<div>" * 50_000 + b"x" + b"</div>" * 50_000)
    assert len(deep) < 10


def test_plain_text_of_the_nineties() -> None:
    body = """
                            ACME CORP
- ----------------------------------------
Item 5.   MARKET FOR THE REGISTRANT'S COMMON
          EQUITY
          ------
     The  common  stock is traded on the New York Stock Exchange  under
the symbol ACM.  At the end of the year there were 1,204 holders of record of
the stock &amp; none of the warrants.

(a)     Not applicable.

<TABLE>
<CAPTION>
               1995      1994
<S>            <C>       <C>
Sales.....     $ 1,204   $ (903)
</TABLE>
                                   17
<PAGE>
"""
    assert is_plain(body.encode())
    assert plain_lines(body.encode()) == [
        "ACME CORP", "", "Item 5. MARKET FOR THE REGISTRANT'S COMMON EQUITY", "",
        "The common stock is traded on the New York Stock Exchange under the symbol ACM. At the end of the year there "
        "were 1,204 holders of record of the stock & none of the warrants.",
        "", "(a) Not applicable.", "", "1995 | 1994", "Sales | $ 1,204 | $ (903)", "", "17", "", "\f", "",
    ]  # fmt: skip


def test_pages_leave_no_trace() -> None:
    pages = [
        [
            "Acme Corp",
            "Table of Contents",
            "",
            f"Text of page {'abcdefgh'[n]}.",
            "",
            f"Acme 10-K | {n + 11}",
            "",
            f"{n + 11}",
        ]
        for n in range(8)
    ]
    pages[3][3] = "This is a sentence that is so long that it has to be continued on the"
    pages[4][3] = "next page, where it ends."
    lines = [line for page in pages for line in (*page, "\f")]
    assert [line for line in unpaged(lines) if line] == [
        "Text of page a.", "Text of page b.", "Text of page c.",
        "This is a sentence that is so long that it has to be continued on the next page, where it ends.",
        "Text of page f.", "Text of page g.", "Text of page h.",
    ]  # fmt: skip
    counted = [line for n in range(1, 8) for line in (f"Words {'abcdefgh'[n]}.", "", f"- {n} -", "")]
    assert [line for line in unpaged(counted) if line] == [f"Words {letter}." for letter in "bcdefgh"]


CONTENTS = [
    "TABLE OF CONTENTS",
    "Page",
    "PART I",
    "Item 1. | Business | 3",
    "General | 3",
    "Item 1A. | Risk Factors | 9",
]
CONTENTS += ["Item 2. | Properties | 12", "PART II", "Item 7. | Discussion | 14", "Item 8. | Statements | 20", ""]
BODY = [
    "PART I",
    "",
    "Item 1. Business",
    "",
    "We sell. See Item 7 of this report.",
    "",
    "Item 7 of this report tells.",
    "",
]
BODY += ["Item 1A.", "", "Risk Factors", "", "Much. " * 20, "", "Item 2. Properties", "", "None.", "", "PART II", ""]
BODY += [
    "Item 7. Discussion",
    "",
    "Sales | 3 | 4",
    "Item 7. Discussion (continued)",
    "Costs | 5",
    "",
    "Item 8. Statements",
]


def test_items_follow_the_form_and_not_the_contents() -> None:
    lines = without_contents(CONTENTS + BODY)
    assert "TABLE OF CONTENTS" not in lines
    text, items = itemised(divided(lines, "10-K"))
    assert [item.key for item in items] == ["1", "1A", "2", "7", "8"]
    assert items[1].text.startswith("Item 1A. Risk Factors\n\nMuch.")
    assert items[2].text == "Item 2. Properties\n\nNone."
    assert "PART II" in text
    assert "\x1e" not in text
    assert [item.key for item in itemised(divided(CONTENTS + BODY, "10-K"))[1]] == ["1", "1A", "2", "7", "8"]
    assert itemised(divided(lines, "S-1")) == (text.replace("Item 1A. Risk", "Item 1A. Risk"), ())


def test_a_quarterly_report_has_the_same_items_in_two_parts() -> None:
    lines = ["Part I", "Item 1. Financial Statements", "x", "Item 2. Discussion", "y", "Item 4. Controls", "z"]
    lines += [
        "Part II - Other Information",
        "Item 1. Legal Proceedings",
        "a",
        "Item 1A. Risk Factors",
        "b",
        "Item 6. Exhibits",
    ]
    keys = ["I-1", "I-2", "I-4", "II-1", "II-1A", "II-6"]
    assert [item.key for item in itemised(divided(lines, "10-Q"))[1]] == keys
    unparted = [line for line in lines if not line.startswith("Part")]
    assert [item.key for item in itemised(divided(unparted, "10-Q"))[1]] == keys


def test_a_current_report_ends_with_its_signatures() -> None:
    lines = [
        "Item 7.01 Regulation FD Disclosure. On May 2 the Company said " + "something " * 30,
        "Item 9.01. Exhibits",
        "99.1",
    ]
    _, items = itemised(divided([*lines, "SIGNATURES", "Jane Doe"], "8-K"))
    assert [(item.key, item.text[-4:]) for item in items] == [("7.01", "hing"), ("9.01", "99.1")]
    assert [item.key for item in itemised(divided(["Item 5. Other Events", "a", "Item 7(c). Exhibits"], "8-K"))[1]] == [
        "5",
        "7",
    ]


@pytest.mark.parametrize(
    "line", ["| " * 40_000, "item 1, 2 " * 20_000, "<DIV " * 20_000, ". " * 50_000, "a | 1 " * 20_000]
)
def test_no_line_makes_it_slow(line: str) -> None:
    start = time.process_time()
    for body in (line.encode(), b"<p>" + line.encode() + b"</p><br>"):
        filing(HEADER + document("10-K", body.decode()))
    assert time.process_time() - start < 5


def data() -> Path:
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        pytest.skip("SHOPTALK_TEST_DATA is not set")
    return Path(origin)


@pytest.mark.parametrize(("kind", "every", "same"), [("10-K", 6, 0.98), ("8-K", 9, 0.98)])
def test_items_are_those_of_another_tool(kind: str, every: int, same: float) -> None:
    """Real filings since 1993 whose items EDGAR-CRAWLER has told apart, put together and divided again."""

    def bare(text: str) -> str:
        return re.sub(r"\W+", "", re.sub(r"\s*\n\s*part\s+[iv]+\b[^\n]{0,60}\s*$", "", text, flags=re.I)).lower()

    total = equal = 0
    with zipfile.ZipFile(data() / "edgar_crawler" / f"EXTRACTED_FILINGS_{kind}.zip") as bundle:
        for name in [name for name in sorted(bundle.namelist()) if name.endswith(".json")][::every]:
            filed = json.loads(bundle.read(name))
            gold = {key[5:]: text for key, text in filed.items() if key.startswith("item_") and text.strip()}
            _, items = itemised(divided("\n\n".join(gold.values()).split("\n"), kind))
            found = {item.key: item.text for item in items}
            total += len(gold)
            equal += sum(bare(text) == bare(found.get(key, "")) for key, text in gold.items())
    assert total > 100
    assert equal >= same * total


def test_real_annual_report() -> None:
    """Apple's of 2024: 23 items, of which it states the pages itself; sales as in its audited statement."""
    with tarfile.open(data() / "sec_html" / "sec_filings_html.tar.xz") as bundle:
        member = next(each for each in bundle if each.name.endswith("aapl-10-k-2024-11-01.html"))
        opened = bundle.extractfile(member)
        assert opened is not None
        body = opened.read()
    text, items = itemised(divided(without_contents(unpaged(markup_lines(body))), "10-K"))
    assert " ".join(item.key for item in items) == "1 1A 1B 1C 2 3 4 5 6 7 7A 8 9 9A 9B 9C 10 11 12 13 14 15 16"
    assert "Total net sales | 391,035 | 383,285 | 394,328" in items[11].text
    assert not re.search(r"us-gaap:|xbrli|iso4217|http://fasb.org|Table of Contents", text)
    assert not re.search(r"Apple Inc\. \| 2024 Form 10-K \| \d+", text)
    assert not re.search(r"(?m)^\d{1,3}$", text)

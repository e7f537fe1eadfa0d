"""Main text of HTML pages, in bounded workers: against datatrove's Trafilatura block as it comes, in its own sandbox.

Three kinds of pages: articles built from the texts, among menus, teasers, comments and notices (the gold is exact);
the pages of a real crawl (their main elements are named below by hand); filings as they were filed (the gold is all
that a reader sees). The gate: F1 of words against the gold, no lower than trafilatura's default by 0.005. Both sides
are timed from their first page on, so that starting processes counts for neither. The goal of 2 holds for the real
pages; nearly all time of a built article is trafilatura's own, which no choice of its options halves.
"""

from __future__ import annotations

import html
import json
import os
import random
import re
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tests.benchmarks.rounds import row

ARTICLES, FILINGS, FILING_BYTES = 150, 8, 1_200_000
BELOW = 0.005  # how much lower F1 may be than trafilatura's default
Page = tuple[bytes, str]  # and its gold

MAIN = {  # address (its beginning, the longest counts): where the main text stands
    "www.semanticscholar.org/": "//main",
    "www.cs.washington.edu/": "//body",
    "soldaini.net/": '//*[@id="content"]',
    "kyleclo.com/": "//article",
    "joe.cat/": '//*[@id="main"] | //*[@id="hero"]',
    "maria-antoniak.github.io/": '//div[@class="container content"]',
    "talaugust.github.io/": "//article",
    "www.jonathanbragg.com/": '//div[@id="about" or @id="publications" or @id="students"]',
    "tomhoper.github.io/": '//section[@class="page__content"]',
    "tomhoper.github.io/research/": '//*[@class="archive"]',
    "www.cs.cmu.edu/": "//section",
    "dwadden.github.io/": "//main",
    "homes.cs.washington.edu/": "//body",
    "amyxzhang.wordpress.com/": '//*[@id="content"]',
}
NO_TEXT = ("script", "style", "noscript", "template", "svg", "button", "iframe", "form", "nav", "footer")


def articles(texts: list[str], chance: random.Random) -> list[Page]:
    """Each text as a page of a news site, in one of many layouts."""
    whole = [text[:8_000] for text in texts if len(text) > 800][:2_000]
    titles = [" ".join(text.split()[5:14]) for text in whole]

    def links(count: int) -> str:
        each = (f'<li><a href="/s/{i}">{html.escape(chance.choice(titles))}</a></li>' for i in range(count))
        return f"<ul>{''.join(each)}</ul>"

    def snippet(words: int) -> str:
        return f"<p>{html.escape(' '.join(chance.choice(whole).split()[:words]))} ...</p>"

    def within(*forms: str) -> Callable[[str], str]:
        name, _, more = chance.choice(forms).partition(" ")
        return lambda inside: f"<{name} {more}>{inside}</{name}>"

    def page(text: str) -> Page:
        paragraphs = [part for part in re.split(r"\n+", text) if part.strip()]
        body = "".join(f"<p>{html.escape(part)}</p>" for part in paragraphs)
        story = within("article", 'div class="post-content"', 'div id="story"', "main", 'section class="entry"')
        teasers = "".join(
            f'<div class="teaser"><h3><a href="/x">{snippet(6)}</a></h3>{snippet(30)}</div>' for _ in "12345"
        )
        side = within("aside", 'div class="sidebar"', 'div class="col-4"')(f"<h4>Most read</h4>{links(10)}{teasers}")
        menu = within("nav", 'div class="menu"', "header", 'div id="top"')(links(25))
        said = "".join(f'<div class="comment">{snippet(30)}</div>' for _ in "123")
        rights = "<p>Copyright Example Media Ltd. All rights reserved. Registered in England.</p>"
        foot = within("footer", 'div class="footer"', 'div id="bottom"')(links(15) + rights)
        notice = '<div class="cookie-banner"><p>We use cookies to improve this site.</p><button>Accept</button></div>'
        inner = f"<div>{story(f'<h1>{html.escape(chance.choice(titles))}</h1>{body}')}{side}</div>"
        start = '<!doctype html><html lang="en"><head><title>News</title><script>var a = "b";</script></head><body>'
        whole = f'{start}{notice}{menu}{inner}<div id="comments">{said}</div>{foot}</body></html>'
        return whole.encode(), " ".join(paragraphs)

    return [page(text) for text in chance.sample(whole, min(ARTICLES, len(whole)))]


def parsed(content: bytes) -> Any:
    """lxml's tree of a page."""
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    return document_fromstring(content, parser=parser)


def crawled(data: Path) -> list[Page]:
    """The pages of the crawl, each with the text of its main elements."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from lxml.etree import strip_elements

    found = []
    with (data / "warc" / "sample-0000.warc.gz").open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True, auto_decode="all"):
            address, content = record.headers["WARC-Target-URI"].strip("<>").partition("://")[2], record.reader.read()
            tree = parsed(content)
            strip_elements(tree, *NO_TEXT, with_tail=False)
            main = tree.xpath(MAIN[max((begin for begin in MAIN if address.startswith(begin)), key=len)])
            outer = [element for element in main if not any(above in main for above in element.iterancestors())]
            found.append((content, " ".join(" ".join(element.itertext()) for element in outer)))
    return found


def filings(data: Path, chance: random.Random) -> list[Page]:
    """Some filings, each with all text that is not hidden."""
    found = []
    with tarfile.open(data / "sec_html" / "sec_filings_html.tar.xz") as archive:
        entries = [entry for entry in archive if entry.isfile() and entry.size < FILING_BYTES]
        for entry in chance.sample(entries, min(FILINGS, len(entries))):
            file = archive.extractfile(entry)
            assert file is not None
            content = file.read()
            tree = parsed(content)
            hidden = tree.xpath('//*[contains(translate(@style, " ", ""), "display:none")]')
            for element in [*hidden, *tree.iter("script", "style", "head", "ix:header")]:
                if element.getparent() is not None:
                    element.drop_tree()
            found.append((content, " ".join(tree.itertext())))
    return found


def ours(pages: list[bytes], mode: Any) -> tuple[float, list[str]]:
    """Seconds from the first page on, and the texts."""
    from corpora.extract import Job, extract_pages

    results = extract_pages((Job(content=page, mode=mode) for page in [pages[0], *pages]), workers=1)
    next(results)
    begin = time.perf_counter()
    found = [getattr(result, "text", "") for result in results]
    return time.perf_counter() - begin, found


def datatrove(pages: list[bytes]) -> tuple[float, list[str]]:
    """The same, by datatrove's block; what it drops is empty."""
    from datatrove.data import Document
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.utils.logging import logger

    logger.disable("datatrove")
    texts = [page.decode("utf-8", "replace") for page in pages]
    documents = (Document(text=text, id=str(i)) for i, text in enumerate([f"{WARM}{texts[0]}", *texts], -1))
    results = Trafilatura().run(documents)
    first = next(results)
    begin = time.perf_counter()
    found = {document.id: document.text for document in [first, *results]}
    return time.perf_counter() - begin, [found.get(str(i), "") for i in range(len(texts))]


WARM = "<html><body><article><p>A page that is read before the clock starts, so that a process is there.</p></article>"


def f1(text: str, gold: str) -> float:
    """F1 of two bags of words."""
    one, two = (Counter(re.findall(r"\w+", each.lower())) for each in (text, gold))
    return 2 * (one & two).total() / max(1, (one + two).total())


def mean(texts: list[str], pages: list[Page]) -> float:
    """F1 over pages."""
    return round(sum(f1(text, gold) for text, (_, gold) in zip(texts, pages, strict=True)) / len(pages), 4)


def compared(stage: str, pages: list[Page], rounds: int, goal: float) -> dict[str, Any]:
    """A row for one kind of pages."""
    from trafilatura import extract

    contents = [content for content, _ in pages]
    seconds: dict[str, list[float]] = {"ours": [], "fast": [], "theirs": []}
    texts: dict[str, list[str]] = {}
    for number in range(rounds + 1):
        for name, way in (
            ("ours", lambda: ours(contents, "trafilatura")),
            ("fast", lambda: ours(contents, "resiliparse")),
            ("theirs", lambda: datatrove(contents)),
        ):
            took, texts[name] = way()
            if number:
                seconds[name].append(took)
    default = [extract(content.decode("utf-8", "replace")) or "" for content in contents]
    gate = {
        "f1": mean(texts["ours"], pages),
        "default": mean(default, pages),
        "datatrove": mean(texts["theirs"], pages),
    }
    size = sum(map(len, contents)) / 1e6
    fast = {"mb_per_s": round(size / sorted(seconds["fast"])[rounds // 2], 1), "f1": mean(texts["fast"], pages)}
    holds = gate["f1"] >= gate["default"] - BELOW
    return row(stage, seconds["ours"], size, seconds["theirs"], size, goal, gate=gate, fast=fast, holds=holds)


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """A row for built pages; one each for the crawl and the filings, where they are at hand."""
    import logging

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    chance = random.Random(seed)
    if built := articles(texts, chance):
        yield compared("extraction: articles", built, rounds, 1.25)
    if data := os.environ.get("SHOPTALK_TEST_DATA"):
        yield compared("extraction: crawl", crawled(Path(data)), rounds, 1.75)
        yield compared("extraction: filings", filings(Path(data), chance), rounds, 2)


if __name__ == "__main__":
    from tests.benchmarks.corpora.__main__ import texts_of

    given = [text for path in sys.argv[1:] for text in islice(texts_of(Path(path)), 3_000)]
    for each in rows(given, 0, 5):
        print(json.dumps(each), flush=True)

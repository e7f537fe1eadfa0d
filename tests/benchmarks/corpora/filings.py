"""Items of filings: how many are found, and F1 of their words, against what other tools told apart.

Items that EDGAR-CRAWLER told apart (SHOPTALK_TEST_DATA), put together behind a cover and a list of them, and divided
again. Annual and quarterly reports with the word "Item" taken out of them, against themselves. Where
SHOPTALK_EDGARTOOLS names a Python that has edgartools (it asks for a newer certifi than is pinned here): annual
reports beside it. Where SHOPTALK_FILINGS names a zip of raw filings (tests/fixtures/RAW_FILINGS/8-K.zip of
github.com/lefterisloukas/edgar-crawler): these. Half of them, by an even CIK, served to develop, so the halves are told
apart. EDGAR-CRAWLER leaves tables of numbers out, which counts against F1 here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from corpora.extract.filing import filing, itemised
from corpora.extract.filing.contents import without_contents
from corpora.extract.filing.items import divided

GOAL = {"8-K": 0.985, "10-K": 0.98}  # mean F1; share of items with F1 of GOOD
GOOD = 0.9
SHORT = 200  # characters of an item below which "Item 4." itself is much of it
COVER = ["FORM", "Acme Corp", "(Exact name of registrant as specified in its charter)", "TABLE OF CONTENTS"]
NEXT_PART = re.compile(r"\n\s*part\s+[iv]+\b[^\n]{0,60}\s*$", re.I)
ANNUAL = 8  # reports that edgartools reads, 3 s each
# Run by a Python that has edgartools: paths of reports, one a line -> a line of JSON with the items of each.
PEER = """
import json, sys
from edgar.documents import HTMLParser, ParserConfig
for path in sys.stdin.read().split():
    with open(path) as file:
        sections = HTMLParser(ParserConfig(form="10-K")).parse(file.read()).sections
    items = {name.rpartition("_")[2].upper(): part.text() for name, part in sections.items() if "item_" in name}
    print(json.dumps(items))
"""
WORD = re.compile(
    rb"(>\s*)(?:ITEM|Item)(?:\s|&#160;|&nbsp;|\xc2\xa0)*\d+[A-C]?(?:\s|&#160;|&nbsp;|\xc2\xa0)*[.:-]{0,3}"
)


def f1(text: str, gold: str) -> float:
    """F1 of two bags of words."""
    one, two = (Counter(re.findall(r"\w+", each.lower())) for each in (text, gold))
    return 2 * (one & two).total() / max(1, (one + two).total())


def submission(form: str, body: bytes) -> bytes:
    """A document as EDGAR hands it out."""
    head = f"CONFORMED SUBMISSION TYPE: {form}\n<DOCUMENT>\n<TYPE>{form}\n<TEXT>\n".encode()
    return body if b"<DOCUMENT>" in body[:5_000] else head + body + b"\n</TEXT>\n</DOCUMENT>"


def gold(data: Path, form: str) -> Iterator[tuple[str, dict[str, str]]]:
    """(file name, items by key) of each filing that EDGAR-CRAWLER has taken apart."""
    with zipfile.ZipFile(data / "edgar_crawler" / f"EXTRACTED_FILINGS_{form}.zip") as bundle:
        for name in sorted(each for each in bundle.namelist() if each.endswith(".json")):
            filed = json.loads(bundle.read(name))
            # The heading of the next part at its end belongs to no item.
            texts = {key[5:]: NEXT_PART.sub("", text).strip() for key, text in filed.items() if key.startswith("item_")}
            items = {key: text for key, text in texts.items() if text}
            if items:
                yield name.removesuffix(".json"), items


def scores(found: dict[str, str], items: dict[str, str]) -> list[dict[str, float]]:
    """For each item: whether it was found, whether as its heading alone, and F1."""
    return [
        {
            "found": key in found,
            "heading_alone": key in found and len(found[key].splitlines()) <= 1 and len(text) > 2 * len(found[key]),
            "f1": f1(found.get(key, ""), text),
        }
        for key, text in items.items()
    ]


def told(stage: str, each: list[dict[str, float]], goal: float, begin: float, *, by_mean: bool) -> dict[str, Any]:
    """A row."""
    average, good = mean(one["f1"] for one in each), mean(one["f1"] >= GOOD for one in each)
    alone = sum(map(bool, (one["heading_alone"] for one in each)))
    return {
        "stage": stage, "items": len(each), "found": sum(map(bool, (one["found"] for one in each))),
        "f1": round(average, 4), "good": round(good, 4), "heading_alone": alone, "goal": goal,
        "passed": (average if by_mean else good) >= goal and alone == 0,
        "seconds": round(time.process_time() - begin, 1),
    }  # fmt: skip


def keyed(marked: str) -> dict[str, str]:
    """The items of a marked text."""
    return {item.key: item.text for item in itemised(marked)[1]}


def put_together(data: Path, form: str) -> dict[str, Any]:
    """Items behind a list of them, divided again."""
    begin, each = time.process_time(), []
    for _, items in gold(data, form):
        listed = [f"{text.splitlines()[0][:80]} | {page}" for page, text in enumerate(items.values(), 3)]
        lines = [*COVER, *listed, "", *"\n\n".join(items.values()).split("\n"), "SIGNATURES"]
        each += scores(keyed(divided(without_contents(lines), form)), items)
    return told(f"filings: {form} put together", each, GOAL[form], begin, by_mean=form == "8-K")


def raw(data: Path, path: Path, half: int) -> dict[str, Any]:
    """Raw current reports of companies whose CIK is even (0) or odd (1)."""
    begin, each = time.process_time(), []
    told_apart = dict(gold(data, "8-K"))
    with zipfile.ZipFile(path) as bundle:
        for name in sorted(bundle.namelist()):
            match = re.search(r"(\d+)_8K_", name)
            items = told_apart.get(name.rpartition(".")[0])
            if match and items and int(match[1]) % 2 == half:
                each += scores(keyed(filing(submission("8-K", bundle.read(name))).text), items)
    which = "other half" if half else "half developed on"
    goal = GOAL["8-K"] if half else 0.98  # the half developed on has more of the tables that the gold leaves out
    return told(f"filings: raw 8-K, {which}", each, goal, begin, by_mean=True)


def without_word(data: Path) -> dict[str, Any]:
    """Reports without the word, against themselves; items of a line or two are left out."""
    begin, each = time.process_time(), []
    with tarfile.open(data / "sec_html" / "sec_filings_html.tar.xz") as archive:
        for entry in archive:
            form = re.search(r"/(10[kq])/", entry.name)
            if form and (file := archive.extractfile(entry)) is not None:
                kind, content = form[1].upper().replace("10", "10-"), file.read()
                items = keyed(filing(submission(kind, content)).text)
                bare = keyed(filing(submission(kind, WORD.sub(rb"\1", content))).text)
                each += scores(bare, {key: text for key, text in items.items() if len(text) > SHORT})
    return told("filings: 10-K and 10-Q without the word", each, GOAL["10-K"], begin, by_mean=False)


def beside_edgartools(data: Path, python: str) -> dict[str, Any]:
    """Items of annual reports as edgartools tells them apart; neither side is the truth."""
    begin, each = time.process_time(), []
    with (
        tempfile.TemporaryDirectory() as folder,
        tarfile.open(data / "sec_html" / "sec_filings_html.tar.xz") as archive,
    ):
        paths = []
        for entry in archive:
            if "/10k/" in entry.name and len(paths) < ANNUAL and (file := archive.extractfile(entry)) is not None:
                paths.append(Path(folder) / f"{len(paths)}.html")
                paths[-1].write_bytes(file.read())
        run = subprocess.run(
            [python, "-c", PEER], input="\n".join(map(str, paths)), capture_output=True, text=True, check=True
        )
        for path, line in zip(paths, run.stdout.splitlines(), strict=True):
            items = {key: text for key, text in json.loads(line).items() if len(text) > SHORT}
            each += scores(keyed(filing(submission("10-K", path.read_bytes())).text), items)
    return told("filings: 10-K beside edgartools", each, 0.95, begin, by_mean=False)


def rows(_texts: list[str], _seed: int, _rounds: int) -> Iterator[dict[str, Any]]:
    """A row for each measure for which there are filings."""
    if origin := os.environ.get("SHOPTALK_TEST_DATA"):
        data = Path(origin)
        for form in GOAL:
            yield put_together(data, form)
        yield without_word(data)
        if python := os.environ.get("SHOPTALK_EDGARTOOLS"):
            yield beside_edgartools(data, python)
        if path := os.environ.get("SHOPTALK_FILINGS"):
            for half in (0, 1):
                yield raw(data, Path(path), half)


if __name__ == "__main__":
    for one in rows([], 0, 0):
        print(json.dumps(one), flush=True)

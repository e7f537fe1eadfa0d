"""Main text of 181 real articles against their gold (github.com/scrapinghub/article-extraction-benchmark), both modes.

SHOPTALK_ARTICLES names a copy of it: ground-truth.json and html/*.html.gz. Precision and recall are of 4-grams of
words. Half of the pages, by the CRC-32 of their names, served to develop. Speed is processor time a page beside bare
resiliparse, without workers.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

GOAL = {"trafilatura": 0.96, "resiliparse": 0.93}  # F1
ROUNDS = 3


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """The 4-grams of a text's words; the whole of one with fewer."""
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3))) if words else Counter()


def agreement(text: str, gold: str) -> tuple[float, float]:
    """(precision, recall) of one page."""
    one, two = shingles(text), shingles(gold)
    both = (one & two).total()
    return both / max(1, one.total()), both / max(1, two.total())


def timed(read: Callable[[bytes], str], pages: list[bytes]) -> tuple[float, list[str]]:
    """(milliseconds of processor time a page, the texts)."""
    best, texts = float("inf"), list[str]()
    for _ in range(ROUNDS):
        begin = time.process_time()
        texts = [read(page) for page in pages]
        best = min(best, time.process_time() - begin)
    return 1_000 * best / len(pages), texts


def bare(content: bytes) -> str:
    """What resiliparse takes for the main text, and nothing else."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    return extract_plain_text(HTMLTree.parse_from_bytes(content), main_content=True)


def rows(_texts: list[str], _seed: int, _rounds: int) -> Iterator[dict[str, Any]]:
    """A row for each mode."""
    from corpora.extract.html import page

    if not (origin := os.environ.get("SHOPTALK_ARTICLES")):
        return
    gold = json.loads((Path(origin) / "ground-truth.json").read_text())
    pages = [gzip.decompress((Path(origin) / "html" / f"{name}.html.gz").read_bytes()) for name in gold]
    least, _ = timed(bare, pages)
    ways: dict[str, Callable[[bytes], str]] = {
        "trafilatura": lambda content: page(content).text,
        "resiliparse": lambda content: page(content, mode="resiliparse").text,
    }
    for mode, read in ways.items():
        milliseconds, texts = timed(read, pages)
        each = [agreement(text, one["articleBody"]) for text, one in zip(texts, gold.values(), strict=True)]
        precision, recall = mean(one for one, _ in each), mean(one for _, one in each)
        f1 = 2 * precision * recall / (precision + recall)
        yield {
            "stage": f"pages: {mode}", "pages": len(pages), "f1": round(f1, 4), "precision": round(precision, 4),
            "recall": round(recall, 4), "goal": GOAL[mode], "passed": f1 >= GOAL[mode],
            "ms_a_page": round(milliseconds, 2), "bare_ms": round(least, 2),
        }  # fmt: skip


if __name__ == "__main__":
    for row in rows([], 0, 0):
        print(json.dumps(row), flush=True)

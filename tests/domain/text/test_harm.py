from __future__ import annotations

import codecs
import json
from collections import defaultdict
from pathlib import Path

import pytest

from domain.text.harm import HALF, WEIGHTS, harm_score
from domain.text.words import words

HEAVY = codecs.decode("fcvp", "rot13")  # weight 1
LIGHT = codecs.decode("penc", "rot13")  # weight 0.3


def test_the_score_is_density_over_density_and_half() -> None:
    assert harm_score([]) == 0.0
    assert harm_score(["fine"] * 40) == 0.0
    assert harm_score(["fine"] * 49 + [HEAVY]) == pytest.approx(0.02 / (0.02 + HALF)) == pytest.approx(0.5)
    assert harm_score(["fine"] * 9 + [LIGHT]) == pytest.approx(0.03 / 0.05)


def test_one_quotation_in_a_long_text_stays_near_zero() -> None:
    assert harm_score(["fine"] * 4_999 + [HEAVY]) < 0.01


def test_words_are_as_the_splitter_gives_them() -> None:
    assert all(words(word) == [word] for word in WEIGHTS)


def test_on_labelled_posts(standard_data: Path) -> None:
    """Davidson et al. 2017 (arXiv 1703.04009), 24,783 posts: what the first scorer catches, and what it lets pass."""
    kept: dict[str, int] = defaultdict(int)
    dropped: dict[str, int] = defaultdict(int)
    for line in (standard_data / "safety" / "hate.jsonl").open(encoding="utf-8"):
        post = json.loads(line)
        (dropped if harm_score(words(post["text"])) > 0.5 else kept)[post["label"]] += 1
    share = {label: dropped[label] / (dropped[label] + kept[label]) for label in kept}
    assert share["hate"] > 0.75
    assert share["offensive"] > 0.8
    assert share["neither"] < 0.15

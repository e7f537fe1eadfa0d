from __future__ import annotations

import gzip
import json
import random
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.text.quality import KeptLines, QualityRules, Violation, judge
from domain.text.words import Split
from tests.benchmarks.corpora.quality import PAPERS, Given, agreement, peers

SENTENCES = (
    "The board approved the dividend that the chairman had proposed in March.",
    "Interest on these notes is due twice a year, and the issuer may redeem them early.",
    "Revenue rose to nine million, of which a third came from new customers abroad.",
    "We have no reason to expect that demand will weaken before the end of winter.",
    "Its competitors have said the same.",
)


def around(seed: int) -> str:
    """A text near many thresholds: few words, said again, with marks, numbers, short and broken lines."""
    chance = random.Random(seed)
    words = ["the", "of", "and", "bond", "yield", "rose", "sharply", "7", "2.5", "#", "...", "___", "é", "Ωmega", "[1]"]
    words = chance.sample(words, chance.randint(3, len(words)))
    words += ["".join(chance.choices("aeinrst", k=chance.randint(2, 12))) for _ in range(chance.choice((2, 20, 60)))]
    lines = []
    for _ in range(chance.randint(1, 25)):
        line = " ".join(chance.choices(words, k=chance.randint(0, 14)))
        line = chance.choice(("", "", "- ", "• ", "  -")) + line + chance.choice((".", "!", '"', "...", "", " ", "…"))
        lines.append(chance.choice(lines) if lines and chance.random() < 0.2 else line)
    lines += chance.choices(
        ["use cookies here now.", "Javascript is off now.", "{ x of it.", "Lorem ipsum dolor."], k=1
    )
    return chance.choice(("\n", "\n\n", "\n\n\n", " ")).join(lines).strip()


MADE = [text for text in map(around, range(800)) if text]


@pytest.mark.parametrize("name", list(PAPERS))
def test_decisions_are_those_of_datatroves_filter(name: str) -> None:
    """Another house's filter, given the same words and thresholds, on texts around them."""
    peer = peers(Given(MADE))[name]
    kept = sum(each is True for each in map(peer.filter, documents(MADE)))
    assert 0.05 < kept / len(MADE) < 0.95
    assert agreement(name, MADE, peer) == 1


def test_decisions_on_real_text_are_those_of_datatroves_filters(standard_data: Path) -> None:
    texts = []
    for path in sorted(standard_data.glob("*/*.jsonl*")):
        if path.parent.name in ("finance", "general"):
            with (
                gzip.open(path, "rt", encoding="utf-8")
                if path.suffix == ".gz"
                else path.open(encoding="utf-8") as lines
            ):
                every = [json.loads(line)["text"] for line in lines]
            short = [text for text in every if 0 < len(text) < 6_000]
            texts += random.Random(0).sample(short, min(50, len(short)))
    assert len(texts) > 150
    for name, peer in peers(Given(texts)).items():
        assert agreement(name, texts, peer) >= 0.995, name


def documents(texts: list[str]) -> list[object]:
    from datatrove.data import Document

    return [Document(text=text, id="") for text in texts]


def test_groups_are_switched_on_and_off() -> None:
    text = "Heading\n" + "\n".join(SENTENCES)
    assert judge(Split([text]), QualityRules()) == [None]
    changed = QualityRules.model_validate({"c4": True})
    assert judge(Split([text]), changed) == [KeptLines("\n".join(SENTENCES), 1, 6)]
    off = QualityRules.model_validate({"gopher": False, "repetition": None})
    assert off == QualityRules(gopher=None, repetition=None)
    assert judge(Split(["spam " * 50]), off) == [None]
    assert QualityRules.model_validate(off.model_dump(mode="json")) == off


def test_the_first_group_that_is_broken_gives_the_reason() -> None:
    rules = QualityRules.model_validate({"c4": True, "fineweb": True})
    assert judge(Split(["spam " * 19, "spam the " * 30]), rules) == [
        Violation("too few words", 19),
        Violation("lines without an end", 0),
    ]


def test_judging_together_or_alone_is_the_same() -> None:
    texts = [*MADE[:300], "", " ".join(SENTENCES), "價" * 50, "\u0000"]
    for rules in (QualityRules(), QualityRules.model_validate(PAPERS)):
        together = judge(Split(texts), rules)
        assert together == [judge(Split([text]), rules)[0] for text in texts]
    assert judge(Split([]), QualityRules()) == []


@pytest.mark.parametrize(
    "text",
    [
        "." * 10**6 + "x",
        "." * 10**6,
        "a " * 10**6,
        "-\n" * 500_000,
        "x" * 10**6,
        "[" * 10**6,
        "價" * 10**5,
        "\n \n" * 10**5 + "\ud800.",
    ],
)
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    """A megabyte of it takes some 0.1 s; quadratic work takes minutes."""
    every = QualityRules.model_validate({**dict.fromkeys(PAPERS, True), "gopher": False})
    begin = time.process_time()
    judge(Split([text]), QualityRules.model_validate(PAPERS)), judge(Split([text]), every)
    judge(Split([text]), QualityRules.model_validate({"gopher": False, "repetition": False, "c4": True}))
    assert time.process_time() - begin < 10


@pytest.mark.parametrize(
    "wrong", [{"gopher": {"word_least": 3}}, {"repetition": {"lines": 2}}, {"gopher": "on"}, {"words_least": 5}]
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QualityRules.model_validate(wrong)

"""Text of newspaper quality in many languages stays, gibberish made of it goes, and a neighbour is not the language."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from corpora.document import Document
from corpora.filters.filter import Drop, FilterAnswer, Label
from corpora.filters.identify import WORLD, identifier
from corpora.filters.language import Language
from corpora.filters.quality import Quality
from domain.text.quality.languages import languages
from domain.text.words import Split
from tests.corpora.newspapers import DECLARATION, KEYS, STORIES, keyboard, repeated, shuffled


def judged(*texts: str, rules: Quality | Language | None = None) -> list[FilterAnswer]:
    documents = [Document(id=str(i), text=text, source="s") for i, text in enumerate(texts)]
    return (rules or Quality()).judge(documents, Split(texts))


def reason(text: str) -> str:
    (answer,) = judged(text)
    return answer.reason if isinstance(answer, Drop) else ""


def test_every_language_that_is_identified_has_its_words_and_letters() -> None:
    assert set(languages()) == set(WORLD) - {"zxx"}
    assert len(languages()) == 67
    for data in languages().values():
        assert len(data.pairs) > 100, data.code
        assert len(data.stop_words) >= 8 or data.code in ("kn", "ml", "ta", "te"), data.code
    assert languages()["en"].stop_words == ("the", "be", "to", "of", "and", "that", "have", "with")  # Gopher's
    assert {"der", "und", "die", "nicht"} <= set(languages()["de"].stop_words)


@pytest.mark.parametrize("code", STORIES)
def test_a_story_of_a_newspaper_stays_and_its_language_is_identified(code: str) -> None:
    text = STORIES[code]
    assert judged(text) == [None]
    (label,) = judged(text, rules=Language())
    assert isinstance(label, Label)
    assert label.language == code


@pytest.mark.parametrize("code", STORIES)
def test_a_sentence_or_two_stay(code: str) -> None:
    lines = STORIES[code].split("\n")
    texts = ["\n".join(lines[first : first + 2]) for first in range(len(lines) - 1)]
    assert judged(*texts) == [None] * len(texts)


@pytest.mark.parametrize("code", STORIES)
def test_letters_shuffled_within_words_are_gibberish(code: str) -> None:
    for seed in range(5):
        assert reason(shuffled(STORIES[code], seed)) == "quality: letters in no order"
        assert reason(shuffled(STORIES[code], seed, whole=True)).startswith("quality: ")


@pytest.mark.parametrize("code", KEYS)
def test_keyboard_noise_is_gibberish(code: str) -> None:
    for seed in range(5):
        assert reason(keyboard(KEYS[code], seed)).startswith("quality: ")


@pytest.mark.parametrize("code", STORIES)
def test_a_line_again_and_again_is_gibberish(code: str) -> None:
    rules = Quality.model_validate({"gopher": {"stop_words_least": 0}})
    (answer,) = judged(repeated(STORIES[code]), rules=rules)
    assert isinstance(answer, Drop)
    assert answer.reason.startswith("quality: repeated")


@pytest.mark.parametrize("code", DECLARATION)
def test_a_language_that_is_not_among_those_known_is_undetermined(code: str) -> None:
    assert judged(DECLARATION[code], rules=Language()) == [Label("und", 0.0)]
    (answer,) = judged(DECLARATION[code], rules=Language(allow={"en": 0.5}, undetermined="drop"))
    assert isinstance(answer, Drop)
    assert answer.reason == "language: und"


def test_one_that_a_recipe_asks_for_is_among_those_known() -> None:
    (label,) = judged(DECLARATION["fo"], rules=Language(allow={"fo": 0.5}))
    assert isinstance(label, Label)
    assert label.language == "fo"


@pytest.mark.parametrize("code", ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "el", "vi"])
def test_text_in_capitals_is_in_its_language(code: str) -> None:
    text = STORIES[code]
    mostly = f"{text.upper()}\n\n{text[:80]}"
    for each in (text.upper(), mostly, " ".join(w.upper() if i % 3 else w for i, w in enumerate(text.split()))):
        assert identifier().identify([each])[0].language == code
        (label,) = judged(each, rules=Language())
        assert isinstance(label, Label)
        assert label.language == code
        assert judged(each) == [None]


@pytest.mark.parametrize("code", [code for code in STORIES if code != "en"])
def test_english_with_some_of_another_language_is_english(code: str) -> None:
    text = f"{STORIES['en']}\n\n{STORIES[code][:60]}"
    assert judged(text) == [None]
    (label,) = judged(text, rules=Language())
    assert isinstance(label, Label)
    assert label.language == "en"


def test_tables_and_code_are_no_gibberish() -> None:
    table = "\n".join(
        f"{name} Inc  {n * 1_234_567:,}  {n * 987:,}  {n}.{n} pct  vs  {n * 1_111_111:,}"
        for n, name in enumerate(["Acme", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta"], 1)
    )
    code = "\n".join(
        f"def {name}(self, rows: list[dict[str, int]]) -> int:\n    # the sum of {name} in all rows\n"
        f"    return sum(row['{name}'] for row in rows if row is not None and '{name}' in row)\n"
        for name in ("volume", "price", "yield_to_maturity", "spread", "notional")
    )
    loose = Quality.model_validate({"gopher": False, "repetition": False})
    assert judged(table, code, rules=loose) == [None, None]


def test_the_rule_on_letters_can_be_laxer_or_off() -> None:
    text = shuffled(STORIES["fr"])
    (answer,) = judged(text)
    assert isinstance(answer, Drop)
    assert answer.score is not None
    assert 0 < answer.score < 0.9
    off = Quality.model_validate({"letters": False, "gopher": {"stop_words_least": 0}})
    lax = Quality.model_validate({"letters": {"order": answer.score}, "gopher": {"stop_words_least": 0}})
    assert judged(text, rules=off) == judged(text, rules=lax) == [None]


def test_quality_identifies_the_language_itself() -> None:
    """What a source states does not count, and no filter on language need be in the recipe."""
    wrong = [Document(id="1", text=STORIES["de"], source="s", language="en")]
    assert Quality().judge(wrong, Split([STORIES["de"]])) == [None]


def test_real_english_text_has_letters_in_order(standard_data: Path) -> None:
    """Newswire with its tables, speeches, filings, books and pages; all 8,997 of them take too long for every run."""
    rules, texts = Quality.model_validate({"gopher": False, "repetition": False}), list[str]()
    for path in sorted(standard_data.glob("*/*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            every = [text for line in lines if (text := json.loads(line).get("text"))]
        texts += random.Random(0).sample(every, min(100, len(every)))
    assert len(texts) > 500
    assert sum(answer is not None for answer in judged(*texts, rules=rules)) <= 1

from __future__ import annotations

from corpora.document import Document
from corpora.filters.filter import Change, Drop
from corpora.filters.quality import Quality
from domain.text.words import Split

SENTENCE = "The board of the bank {} met in May and kept the rate where it was."


def document(text: str) -> Document:
    return Document(id="1", text=text, source="test")


def test_a_broken_rule_drops_with_what_was_measured() -> None:
    texts = ["much too short", f"{SENTENCE.format('alone')} None of its members saw a reason to move it.", "word " * 40]
    verdicts = Quality().judge([document(text) for text in texts], Split(texts))
    assert verdicts == [
        Drop("quality: too few words", "3", 3.0),
        None,
        Drop("quality: no running text", "0", 0.0),
    ]


def test_one_document_is_judged_as_many() -> None:
    loose = Quality.model_validate({"gopher": {"words_least": 1, "stop_words_least": 0}, "repetition": False})
    assert loose.judge([document("much too short")], Split(["much too short"]))[0] is None
    assert Quality().judge([document("too short")], Split(["too short"]))[0] == Drop("quality: too few words", "2", 2.0)


def test_c4_changes_what_it_leaves() -> None:
    lines = "\n".join(SENTENCE.format(f"number {i}") for i in "abcde")
    rules = Quality.model_validate({"repetition": False, "c4": True})
    assert rules.judge([document(lines)], Split([lines]))[0] is None
    page = f"Menu\n{lines}\nHome"
    assert rules.judge([document(page)], Split([page]))[0] == Change(lines, "quality: lines dropped", "2 of 7")
    assert rules.judge([document(lines[:140])], Split([lines[:140]]))[0] == Drop("quality: too few sentences", "1", 1.0)


def test_what_was_asked_holds_every_threshold() -> None:
    asked = Quality.model_validate({"gopher": {"words_least": 50}, "fineweb": True}).identity_key()
    assert asked["kind"] == "quality"
    assert asked["gopher"]["words_least"] == 50
    assert asked["fineweb"]["terminal"] is None
    assert asked["fineweb"]["short"] == 0.67
    assert asked["c4"] is None
    settings = {name: value for name, value in asked.items() if name != "libraries"}
    assert Quality.model_validate(settings).identity_key() == asked

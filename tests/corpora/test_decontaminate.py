from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpora.decontaminate import LENGTH, SHORTEST, Decontamination
from domain.text.words import word_hashes, words


def guard(folder: Path, *texts: str) -> Decontamination:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"task": f"task{i}", "text": t}) + "\n" for i, t in enumerate(texts)))
    return Decontamination(path)


def numbered(first: int, count: int) -> str:
    return " ".join(f"w{i}" for i in range(first, first + count))


@pytest.mark.parametrize("shared", range(5, 20))
def test_a_shared_run_of_13_words_is_too_much(tmp_path: Path, shared: int) -> None:
    protection = guard(tmp_path, numbered(0, 30))
    document = f"{numbered(100, 20)} {numbered(7, shared)} {numbered(200, 20)}"
    verdict = protection.judge(word_hashes(words(document)))
    assert (verdict is not None) == (shared >= LENGTH)


def test_every_place_in_the_protected_text_counts(tmp_path: Path) -> None:
    protection = guard(tmp_path, numbered(0, 30))
    for start in range(30 - LENGTH + 1):
        assert protection.judge(word_hashes(words(f"x {numbered(start, LENGTH)} y"))) is not None


@pytest.mark.parametrize("length", range(5, 14))
def test_short_texts_count_whole_down_to_8_words(tmp_path: Path, length: int) -> None:
    protection = guard(tmp_path, numbered(0, length))
    whole = protection.judge(word_hashes(words(f"a b {numbered(0, length)} c")))
    assert (whole is not None) == (length >= SHORTEST)
    assert protection.unprotected == (length < SHORTEST)
    assert protection.judge(word_hashes(words(f"a b {numbered(0, length - 1)} c"))) is None


def test_the_task_is_named_and_case_and_signs_do_not_matter(tmp_path: Path) -> None:
    protection = guard(tmp_path, numbered(0, 20), numbered(50, 9))
    found = protection.judge(word_hashes(words(numbered(50, 9).upper().replace(" ", ", "))))
    assert found is not None
    assert (found.reason, found.detail) == ("contaminated", "task1")


def test_nothing_to_protect_and_nothing_to_judge(tmp_path: Path) -> None:
    assert guard(tmp_path).judge(word_hashes(words(numbered(0, 50)))) is None
    assert guard(tmp_path, numbered(0, 20)).judge(word_hashes([])) is None

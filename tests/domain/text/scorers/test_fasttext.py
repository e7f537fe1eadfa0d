from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import UserError
from domain.text.scorers.fasttext import FastText
from domain.text.words import Split
from tests.domain.text.scorers.fasttext_models import (
    HIERARCHICAL,
    LABELS,
    NEGATIVE,
    ONE_VS_ALL,
    SOFTMAX,
    VECTORS,
    model,
)

E = np.exp
ADDED = 1e-5  # by fastText to each probability


def scorer(folder: Path, harmful: tuple[str, ...] = ("toxic", "insult"), **how: Any) -> FastText:
    (folder / "m.bin").write_bytes(model(**how))
    return FastText.load(folder / "m.bin", harmful)


@pytest.mark.parametrize("quantised", [False, True])
def test_probabilities_by_hand(tmp_path: Path, quantised: bool) -> None:
    """The mean of the words' vectors and of the line's end, which is 0, against each label's row, then softmax."""
    scores = scorer(tmp_path, quantised=quantised).score(Split(["vile", "foul vile", "kind", "unknown", "", " \n"]))
    # Hidden: (3, 0), (2, 2), (-3, -3), (0, 0); the label without harm always has 0.
    expected = [(E(3) + 1) / (E(3) + 2), 2 * E(2) / (2 * E(2) + 1), 2 * E(-3) / (2 * E(-3) + 1), 2 / 3]
    assert scores.values.tolist() == pytest.approx([*(p + 2 * ADDED for p in expected), 0.0, 0.0], abs=1e-6)


def test_labels_are_written_with_or_without_their_mark_and_the_likeliest_is_told(tmp_path: Path) -> None:
    texts = Split(["vile", "foul"])
    bare, marked = (scorer(tmp_path, labels).score(texts) for labels in (("toxic", "insult"), LABELS[:2]))
    assert bare.labels == marked.labels == ("toxic", "insult")
    assert bare.values.tolist() == marked.values.tolist()
    assert [bare.label(0), bare.label(1)] == ["toxic", "insult"]
    only = scorer(tmp_path, ("insult",)).score(texts)
    assert only.values.tolist() == pytest.approx([1 / (E(3) + 2) + ADDED, E(3) / (E(3) + 2) + ADDED], abs=1e-6)
    with pytest.raises(UserError, match=r"no label rude\. Fix: name some of toxic, insult, nontoxic"):
        scorer(tmp_path, ("rude",))


def test_a_long_text_is_the_mean_of_its_windows(tmp_path: Path) -> None:
    """The quarter that is vile is judged apart from the rest, not thinned by it."""
    value = scorer(tmp_path).score(Split(["vile " * 64 + "kind " * 192])).values[0]
    full = 6 * 64 / 65  # 64 words and the line's end
    vile, kind = (E(full) + 1) / (E(full) + 2), 2 * E(-full) / (2 * E(-full) + 1)
    assert value == pytest.approx((vile + 3 * kind) / 4 + 2 * ADDED, abs=1e-5)


def test_words_are_fasttexts(tmp_path: Path) -> None:
    """Blanks and line breaks are between words, other space is not; a written end of line hides nothing."""
    one = scorer(tmp_path)
    values = one.score(Split(["kind vile", "kind\nvile\r\n", "kind </s> vile", "vile", "vile kind\u00a0x"])).values
    assert values[0] == values[1] == values[2]
    assert values[4] == values[3]


@pytest.mark.parametrize("loss", [ONE_VS_ALL, NEGATIVE])
def test_answers_that_stand_each_for_itself_are_not_added(tmp_path: Path, loss: int) -> None:
    scores = scorer(tmp_path, loss=loss).score(Split(["vile", "vile foul"]))
    assert scores.values.tolist() == pytest.approx([1 / (1 + E(-3)) + ADDED, 1 / (1 + E(-2)) + ADDED], abs=1e-6)


def test_hierarchical_softmax(tmp_path: Path) -> None:
    """Two labels hang from one node; its row is the first."""
    values = scorer(tmp_path, ("toxic",), loss=HIERARCHICAL, labels=LABELS[::2]).score(Split(["vile", "kind"])).values
    assert values.tolist() == pytest.approx([1 / (1 + E(-3)) + ADDED, 1 / (1 + E(3)) + ADDED], abs=1e-6)


def test_a_score_is_at_most_1(tmp_path: Path) -> None:
    assert scorer(tmp_path, LABELS, loss=SOFTMAX).score(Split(["vile"])).values.tolist() == [1.0]
    assert scorer(tmp_path).score(Split([])).values.tolist() == []


def test_weights_that_are_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VECTORS, "vile", (float("nan"), 0.0))
    with pytest.raises(UserError, match=r"m.bin: gives no answer \(Encountered NaN"):
        scorer(tmp_path).score(Split(["vile"]))


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", None)
    with pytest.raises(UserError, match=r"needs the package fasttext-predict.*pip install 'shoptalk\[fasttext\]'"):
        scorer(tmp_path)

"""Quality by a model: the three kinds of it, a threshold by source, and what cannot be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from corpora.document import Document
from corpora.filters.filter import Drop
from corpora.filters.learned_quality import Badness, QualityScoring, quality_scores
from corpora.filters.quality import Quality
from corpora.filters.train_linear import auc, train
from domain.errors import UserError
from domain.text.scorers.linear import Linear
from domain.text.words import Split
from tests.domain.text.scorers.fasttext_models import model
from tests.domain.text.scorers.test_transformer import classifier

GOOD, BAD = "the report explains how rates are set", "click here buy now free"


@pytest.fixture
def linear(tmp_path: Path) -> str:
    rows = [(f"{text} {i}", label) for text, label in ((GOOD, "keep"), (BAD, "drop")) for i in range(40)]
    path = tmp_path / "m.safetensors"
    train(rows, safe="keep", purpose="quality").save(path)
    return str(path)


def documents(*rows: tuple[str, str]) -> list[Document]:
    return [Document(id=f"d{i}", text=text, source=source) for i, (text, source) in enumerate(rows)]


def dropped(spec: Quality, rows: list[Document]) -> list[bool]:
    answers = spec.judge(rows, Split([row.text for row in rows]))
    assert all(each is None or (isinstance(each, Drop) and each.reason == "quality: learned") for each in answers)
    return [each is not None for each in answers]


def test_a_linear_model_keeps_what_is_good(linear: str) -> None:
    header = Linear.load(Path(linear), purpose="quality").header
    assert (header["window"], header["safe"]) == (256, "keep")
    spec = Quality.model_validate({"scorer": {"linear": linear}})
    good, bad = quality_scores(spec.scorer or QualityScoring(), Split([GOOD, BAD])).tolist()
    assert bad < 0.1 < 0.9 < good
    assert dropped(spec, documents((GOOD, "a"), (BAD, "a"))) == [False, True]
    badness = Badness(spec.scorer or QualityScoring()).score(Split([GOOD, BAD])).values
    assert badness.tolist() == [1 - good, 1 - bad]


def test_a_threshold_by_source(linear: str) -> None:
    rows = documents((BAD, "calls"), (BAD, "web"), (GOOD, "web"))
    for threshold, expected in (
        ({"calls": 0.0, "web": 0.5}, [False, True, False]),
        ({"*": 0.5, "calls": 0.0}, [False, True, False]),
        ({"calls": 0.5}, [True, False, False]),
        ({"*": 1.0}, [True, True, True]),
        (0.0, [False, False, False]),
    ):
        spec = Quality.model_validate({"scorer": {"linear": linear}, "threshold": threshold})
        assert dropped(spec, rows) == expected, threshold


def test_fasttext_reads_a_text_as_one_line(tmp_path: Path) -> None:
    pytest.importorskip("fasttext")
    path = tmp_path / "q.bin"
    path.write_bytes(model())
    scoring = QualityScoring(fasttext=str(path), labels=("nontoxic",))
    long = " ".join(["kind"] * 300 + ["vile"] * 300)
    # The line's end counts as a word of (0, 0): means of (-3, -3), (3, 0) and (0, -3 * 600 / 601), whose products with
    # the answers' vectors are -3, -3, 0; 3, 0, 0; and 0, -2.995, 0.
    values = quality_scores(scoring, Split(["kind", "vile", long]))
    expected = [1 / (2 * np.exp(-3) + 1), 1 / (np.exp(3) + 2), 1 / (2 + np.exp(-2.995))]
    assert values == pytest.approx(expected, abs=1e-4)


def regression(folder: Path) -> Path:
    """As FineWeb-Edu's: one answer, a number; always 3 here."""
    import torch
    from transformers import AutoModelForSequenceClassification

    classifier(folder)
    made: Any = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1, ignore_mismatched_sizes=True)
    made.config.problem_type = "regression"
    with torch.no_grad():
        made.classifier.weight.zero_()
        made.classifier.bias.fill_(3.0)
    made.save_pretrained(folder)
    return folder


def test_a_transformer_that_answers_with_a_number(tmp_path: Path) -> None:
    folder = str(regression(tmp_path / "edu"))
    values = quality_scores(QualityScoring(transformer=folder, scale=5.0), Split(["good", "bad " * 50, ""]))
    assert values == pytest.approx([0.6, 0.6, 0.0])
    assert quality_scores(QualityScoring(transformer=folder, scale=2.0), Split(["good"])) == pytest.approx([1.0])
    with pytest.raises(UserError, match="answers with a number and not with labels"):
        quality_scores(QualityScoring(transformer=folder, labels=("LABEL_0",)), Split(["good"]))
    labels = str(classifier(tmp_path / "labels"))
    with pytest.raises(UserError, match="answers with one of 3 labels and not with a number"):
        quality_scores(QualityScoring(transformer=labels, scale=5.0), Split(["good"]))
    (value,) = quality_scores(QualityScoring(transformer=labels, labels=("fine",)), Split(["good"])).tolist()
    assert 0.0 < value < 1.0


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"scorer": {}}, "names 0 models"),
        ({"scorer": "linear"}, "write {linear"),
        ({"scorer": {"linear": "a", "fasttext": "b"}}, "names 2 models"),
        ({"scorer": {"linear": "a", "labels": ["x"]}}, "knows its labels"),
        ({"scorer": {"fasttext": "a"}}, "needs labels"),
        ({"scorer": {"transformer": "a"}}, "needs labels"),
        ({"scorer": {"fasttext": "a", "labels": ["x"], "scale": 5}}, "scale is for a transformer"),
        ({"scorer": {"transformer": "a", "labels": ["x"], "scale": 5}}, "there are no labels"),
        ({"scorer": {"linear": "a"}, "threshold": 1.5}, "threshold"),
        ({"scorer": {"linear": "a"}, "threshold": {"web": -1}}, "threshold"),
        ({"scorer": {"linear": "a"}, "fineweb": {}}, "decides without fineweb"),
        ({"threshold": 0.5}, "name a scorer"),
    ],
)
def test_what_cannot_be_asked_for(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Quality.model_validate(spec)


def test_a_model_for_something_else(linear: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it is not a harm model"):
        Linear.load(Path(linear))
    rows = [(f"{text} {i}", label) for text, label in ((GOOD, "keep"), (BAD, "drop")) for i in range(40)]
    train(rows, safe="keep").save(tmp_path / "harm.safetensors")
    with pytest.raises(UserError, match=r"it is not a quality model.*shoptalk quality train"):
        quality_scores(QualityScoring(linear=str(tmp_path / "harm.safetensors")), Split([GOOD]))
    with pytest.raises(UserError, match="quality train: no example is labelled good"):
        train(rows, safe="good", purpose="quality")


def test_identity_is_the_model_and_the_threshold(linear: str, tmp_path: Path) -> None:
    spec = {"scorer": {"linear": linear}}
    key = Quality.model_validate(spec).identity_key()
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(Path(linear).read_bytes())
    assert Quality.model_validate({"scorer": {"linear": str(moved)}}).identity_key() == key
    assert Quality.model_validate({**spec, "threshold": 0.4}).identity_key() != key
    moved.write_bytes(b"another")
    assert Quality.model_validate({"scorer": {"linear": str(moved)}}).identity_key() != key
    assert not {"scorer", "threshold"} & Quality().identity_key().keys()


def test_the_area_under_the_curve() -> None:
    scores = np.array([0.9, 0.8, 0.5, 0.5, 0.1])
    assert auc(scores, np.array([True, True, False, False, False])) == 1.0
    assert auc(scores, np.array([False, False, True, False, False])) == pytest.approx(1.5 / 4)  # one below, one equal
    assert auc(scores, np.zeros(5, dtype=bool)) == 0.5

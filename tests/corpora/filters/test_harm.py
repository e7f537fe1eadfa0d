from __future__ import annotations

import codecs
import math
from pathlib import Path
from typing import Any

import pytest

from corpora import Curation, Document
from corpora.filters.filter import Drop, FilterAnswer
from corpora.filters.harm import Harm, Scoring
from corpora.filters.train_linear import train
from domain.errors import UserError
from domain.text.words import Split
from tests.domain.text.scorers.fasttext_models import LABELS, model

SLUR = codecs.decode("fcvp", "rot13")  # weight 1, so the score is (1/n) / (1/n + 0.02)


def judge(filter_: Harm, text: str, url: str | None = None) -> FilterAnswer:
    return filter_.judge([Document(id="1", text=text, source="s", url=url)], Split([text]))[0]


def harm(folder: Path | None = None, **settings: Any) -> Harm:
    return Harm.model_validate({"kind": "harm", **settings}, context={"folder": folder})


def test_it_answers_above_its_threshold() -> None:
    text = f"{'fine ' * 49}{SLUR}"
    assert judge(Harm(threshold=0.49), text) == Drop("profanity: slurs", "0.50", pytest.approx(0.5))
    assert judge(Harm(threshold=0.51), text) is None


def test_many_are_judged_as_one_is() -> None:
    texts = ["fine", SLUR, "", f"{SLUR} {SLUR}", "go kill yourself"]
    documents = [Document(id=str(i), text=text, source="s") for i, text in enumerate(texts)]
    verdicts = Harm().judge(documents, Split(texts))
    assert verdicts == [judge(Harm(), text) for text in texts]
    assert [v.reason if isinstance(v, Drop) else None for v in verdicts] == [
        None, "profanity: slurs", None, "profanity: slurs", "profanity: threats",
    ]  # fmt: skip


def test_a_list_of_ones_own_beside_the_recipe_is_asked_for_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("foo\n", encoding="utf-8")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "other.txt").write_text("foo\n", encoding="utf-8")
    one, other = (harm(tmp_path, scorer={"words": name}) for name in ("list.txt", "below/other.txt"))
    assert judge(one, "a foo") == Drop("harm: listed words", "0.96", pytest.approx(0.5 / 0.52))
    assert judge(one, SLUR) is None
    assert one.identity_key() == other.identity_key()
    assert str(tmp_path) not in str(one.identity_key())
    (tmp_path / "list.txt").write_text("bar\n", encoding="utf-8")
    assert one.identity_key() != other.identity_key()


def test_a_linear_model(tmp_path: Path) -> None:
    examples = [(f"vile words number {i}", "abuse") for i in range(40)] + [
        (f"kind letter {i}", "none") for i in range(40)
    ]
    train(examples, safe="none").save(tmp_path / "m.safetensors")
    filter_ = harm(tmp_path, scorer={"linear": "m.safetensors"})
    verdict = judge(filter_, "vile words")
    assert isinstance(verdict, Drop)
    assert verdict.reason == "harm: abuse"
    assert judge(filter_, "kind letter") is None
    assert len(filter_.identity_key()["scorer"]["linear"]) == 64


def test_a_model_of_fasttext_is_asked_for_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "toxic.bin").write_bytes(model(labels=LABELS[::2]))
    (tmp_path / "again.ftz").write_bytes(model(labels=LABELS[::2]))
    one, other = (harm(tmp_path, scorer={"fasttext": name, "labels": ["toxic"]}) for name in ("toxic.bin", "again.ftz"))
    assert judge(one, "vile") == Drop("harm: toxic", "0.95", pytest.approx(1 / (1 + math.exp(-3)), abs=2e-5))
    assert judge(one, "kind") is None
    assert one.identity_key() == other.identity_key()
    assert len(one.identity_key()["scorer"]["fasttext"]) == 64
    (tmp_path / "toxic.bin").write_bytes(model())
    assert one.identity_key() != other.identity_key()


def test_scorers_that_there_were_before_are_asked_for_as_they_were() -> None:
    assert Scoring().identity_key() == {"labels": [], "words": None, "linear": None, "transformer": None}


def test_blocked_addresses(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("bad.example\n", encoding="utf-8")
    filter_ = harm(tmp_path, block="urls.txt")
    assert judge(filter_, "fine", "https://www.bad.example/page") == Drop("blocked: url", "bad.example")
    assert judge(filter_, "fine", "https://good.example/page") is None
    assert judge(filter_, "fine") is None
    assert len(filter_.identity_key()["block"]) == 64


def test_a_transformer_is_pinned_and_a_folder_beside_the_recipe_is_found(tmp_path: Path) -> None:
    pinned = f"org/model@{'0123456789' * 4}"
    hub = Scoring.model_validate({"transformer": pinned, "labels": ["toxic"]}, context={"folder": tmp_path})
    assert hub.identity_key()["transformer"] == pinned
    hub = Scoring.model_validate({"transformer": "org/model@main", "labels": ["toxic"]}, context={"folder": tmp_path})
    with pytest.raises(UserError, match=r"filters: harm: org/model@main: .* names no commit"):
        hub.identity_key()
    (tmp_path / "models" / "tox").mkdir(parents=True)
    local = Scoring.model_validate({"transformer": "models/tox", "labels": ["toxic"]}, context={"folder": tmp_path})
    assert local.transformer == str(tmp_path / "models" / "tox")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"threshold": 1.5}, "less than or equal to 1"),
        ({"scorer": "word"}, "write words, {words: list.txt}"),
        ({"scorer": {"words": "a", "linear": "b"}}, "names several scorers"),
        ({"scorer": {"words": "a", "labels": ["x"]}}, "labels are a model's"),
        ({"scorer": {"transformer": "a/b@c"}}, "transformer needs labels"),
        ({"scorer": {"fasttext": "a.bin"}}, "fasttext needs labels"),
        ({"scorer": {"fasttext": "a.bin", "linear": "b", "labels": ["x"]}}, "names several scorers"),
        ({"scorer": {"labels": ["x"]}}, "labels are a model's"),
        ({"scorer": {"wordz": "a"}}, "Extra inputs"),
    ],
)
def test_settings_are_checked(content: dict[str, object], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        Curation.model_validate({"filters": [{"kind": "harm", **content}]})


def test_the_short_spelling() -> None:
    (filter_,) = Curation.model_validate({"filters": [{"kind": "harm", "scorer": "words"}]}).filters
    assert filter_ == Harm()


@pytest.mark.parametrize(
    "content",
    [
        {"scorer": {"words": "no.txt"}},
        {"scorer": {"linear": "no"}},
        {"scorer": {"fasttext": "no.bin", "labels": ["toxic"]}},
        {"block": "no.txt"},
    ],
)
def test_files_that_are_not_there_are_refused(tmp_path: Path, content: dict[str, object]) -> None:
    filter_ = harm(tmp_path, **content)
    with pytest.raises(UserError, match="No such file"):
        filter_.identity_key()
    with pytest.raises(UserError, match="No such file"):
        judge(filter_, "fine", "https://a.example")

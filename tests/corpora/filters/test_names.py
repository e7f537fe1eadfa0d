from __future__ import annotations

from pathlib import Path

import pytest

from corpora import Curation, Document
from corpora.filters.filter import Change, FilterAnswer
from corpora.filters.names import PersonNames
from domain.errors import UserError
from domain.text.words import Split
from tests.token_classifiers import train_tagger

SENTENCE = [("paid", "O"), ("to", "O"), ("Zoë", "B-PER"), ("Weiß", "I-PER"), ("at", "O"), ("7", "B-STREET"),
            ("Königsweg", "I-STREET"), ("in", "O"), ("May", "O")]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sentences = [SENTENCE, SENTENCE[:4], SENTENCE[4:], [("paid", "O"), ("in", "O"), ("May", "O")]] * 4
    return train_tagger(tmp_path_factory.mktemp("tagger"), sentences, epochs=30)


def judge(text: str, **settings: object) -> FilterAnswer:
    names = PersonNames.model_validate(settings)
    return names.judge([Document(id="1", text=text, source="s")], Split([text]))[0]


def test_it_answers_with_counts(model: Path) -> None:
    text = "paid to Zoë Weiß at 7 Königsweg in May"
    masked = Change("paid to <PERSON> at <ADDRESS> in May", "names: masked", "address 1, person 1")
    assert judge(text, model=str(model)) == masked
    only = Change("paid to <PERSON> at 7 Königsweg in May", "names: masked", "person 1")
    assert judge(text, model=str(model), labels={"PER": "person"}) == only
    assert judge("paid in May", model=str(model)) is None
    assert judge(text, model=str(model), threshold=1.0) is None


def test_no_default_asks_for_it_and_a_recipe_can(model: Path) -> None:
    assert "names" not in [each.kind for each in Curation().filters]
    recipe = Curation.model_validate({"filters": ["privacy", {"kind": "names", "model": str(model)}]})
    assert [each.kind for each in recipe.filters] == ["privacy", "names"]


def test_identity_follows_the_weights_and_the_settings(model: Path, tmp_path: Path) -> None:
    key = PersonNames(model=str(model)).identity_key()
    assert key != PersonNames(model=str(model), threshold=0.9).identity_key()
    assert key != PersonNames(model=str(model), labels={"PER": "person"}).identity_key()
    other = train_tagger(tmp_path, [SENTENCE] * 4, epochs=2)
    assert key != PersonNames(model=str(other)).identity_key()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"model": "org/model@main"}, "names no commit"),
        ({"model": "org/model"}, "names no revision"),
        ({"model": "./nothing"}, "does not exist"),
    ],
)
def test_a_model_that_cannot_be_had_is_told(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        judge("Zoë Weiß", **settings)
    with pytest.raises(UserError, match=problem):
        PersonNames.model_validate(settings).identity_key()


@pytest.mark.parametrize("settings", [{}, {"model": "m", "labels": {"PER": "company"}}, {"model": "m", "threshold": 2}])
def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Field required|Input should be"):
        PersonNames.model_validate(settings)

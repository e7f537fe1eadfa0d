from __future__ import annotations

import codecs

import pytest

from corpora import Change, Curation, Drop
from corpora.filters.harm import Harm
from corpora.filters.privacy import Privacy
from corpora.filters.quality import Quality
from domain.text.words import words


def judge(filter_: Quality | Privacy | Harm, text: str) -> Drop | Change | None:
    return filter_.judge(text, words(text))


def test_quality_answers_with_its_rule() -> None:
    assert judge(Quality(), "much too short") == Drop("quality: too few words", "3")
    loose = Quality(words_least=1, stop_words=0, top_2gram=1.0)
    assert judge(loose, "much too short") is None


def test_privacy_answers_with_counts() -> None:
    text = "a@b.org, c@d.org and 078-05-1120"
    assert judge(Privacy(), text) == Change("<EMAIL>, <EMAIL> and <SSN>", "privacy: masked", "email 2, ssn 1")
    assert judge(Privacy(mask=("ssn",)), text) == Change("a@b.org, c@d.org and <SSN>", "privacy: masked", "ssn 1")
    assert judge(Privacy(), "nobody") is None


def test_harm_answers_above_its_threshold() -> None:
    slur = codecs.decode("fcvp", "rot13")  # weight 1, so the score is (1/n) / (1/n + 0.02)
    text = f"{'fine ' * 49}{slur}"
    assert judge(Harm(threshold=0.49), text) == Drop("harm", "0.50")
    assert judge(Harm(threshold=0.51), text) is None


def test_filters_judge_in_the_recipes_order() -> None:
    spec = Curation.model_validate({"filters": ["harm", {"kind": "quality", "words_least": 5}]})
    assert [each.kind for each in spec.filters] == ["harm", "quality"]
    assert spec.asked()["filters"][1]["words_least"] == 5
    assert [each.kind for each in Curation().filters] == ["quality", "privacy", "harm"]


@pytest.mark.parametrize("content", [{"kind": "privacy", "mask": ["name"]}, {"kind": "harm", "threshold": 1.5}])
def test_settings_are_checked(content: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Input should be"):
        Curation.model_validate({"filters": [content]})

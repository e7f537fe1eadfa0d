from __future__ import annotations

import random

import pytest
from pydantic import ValidationError

from corpora.document import Document
from corpora.filters.filter import Drop, FilterAnswer, Label
from corpora.filters.identify import CHARACTERS, LANGUAGES, WORLD, identifier
from corpora.filters.language import Language
from domain.text.words import Split

TEXTS = {
    "en": "The board of the central bank met on Tuesday and left its main interest rate where it was.",
    "de": "Der Vorstand der Zentralbank hat am Dienstag beschlossen, den Leitzins nicht zu verändern.",
    "fr": "Le conseil de la banque centrale a décidé mardi de laisser inchangé son principal taux directeur.",
    "es": "El consejo del banco central decidió el martes mantener sin cambios su principal tipo de interés.",
    "ja": "日本銀行は金融政策決定会合で政策金利を据え置くことを決めた。物価は緩やかに上昇している。",
    "zh": "中国人民银行决定下调存款准备金率,释放长期资金约一万亿元,支持实体经济发展。",
    "th": "ธนาคารแห่งประเทศไทยมีมติคงอัตราดอกเบี้ยนโยบายไว้ที่ร้อยละสองจุดห้าต่อปี",
    "ko": "한국은행은 금융통화위원회를 열고 기준금리를 현재 수준에서 동결하기로 결정했다.",
    "ru": "Совет директоров центрального банка решил сохранить ключевую ставку на прежнем уровне.",
    "ar": "قرر مجلس إدارة البنك المركزي الإبقاء على سعر الفائدة الرئيسي دون تغيير يوم الثلاثاء.",
}


def verdicts(texts: list[str], allow: object, stated: str | None = None, **settings: object) -> list[FilterAnswer]:
    spec = Language.model_validate({"allow": allow, **settings})
    return spec.judge([Document(id="1", text=t, source="s", language=stated) for t in texts], Split(texts))


def test_a_language_is_told_from_those_that_a_recipe_does_not_name() -> None:
    found = verdicts(list(TEXTS.values()), ["en"])
    assert isinstance(found[0], Label)
    assert found[0].language == "en"
    assert found[0].score > 0.9
    reasons = [each.reason for each in found[1:] if isinstance(each, Drop)]
    assert reasons == [f"language: {code}" for code in list(TEXTS)[1:]]
    every = verdicts(list(TEXTS.values()), list(TEXTS))
    assert [each.language for each in every if isinstance(each, Label)] == list(TEXTS)


@pytest.mark.parametrize("text", ["", "Yes.", "1,234 5,678 (9.1)", "$ 4.5 | 7 | 8.9 %" * 50])
def test_what_tells_no_language_is_undetermined_and_stays(text: str) -> None:
    (found,) = verdicts([text], ["en"])
    assert isinstance(found, Label)
    assert found.language == "und"
    (found,) = verdicts([text], ["en"], undetermined="drop")
    assert isinstance(found, Drop)
    assert found.reason == "language: und"


def test_what_the_source_states_counts_only_where_nothing_is_found() -> None:
    assert verdicts(["Yes."], ["en"], stated="en-US") == [None]
    assert verdicts(["Ja."], ["en"], stated="de_AT") == [Drop("language: de", "as its source states")]
    (found,) = verdicts(["Ja."], ["en"], stated="unknown")
    assert isinstance(found, Label)
    (found,) = verdicts([TEXTS["en"]], ["en"], stated="de")
    assert isinstance(found, Label)
    assert found.language == "en"


def test_each_language_has_its_threshold() -> None:
    table = "<GEORGE WESTON LTD> YEAR NET\n\nShr 2.31 dlrs vs 1.96 dlrs\n    Net 119.0 mln vs 101.0 mln\n Reuter"
    best, score, _ = identifier().identify([table])[0]
    assert best not in ("en", "zxx")
    assert score < 0.5  # such tables are like no language
    assert verdicts([table], ["en"]) == [Label("und", 0.0)]
    best, score, familiar = identifier().identify([TEXTS["es"][:30]])[0]
    assert (best, familiar) == ("es", True)
    assert verdicts([TEXTS["es"][:30]], {best: score}) == [Label(best, score)]
    assert verdicts([TEXTS["es"][:30]], {best: score + 0.001}) == [Label("und", 0.0)]
    (found,) = verdicts([TEXTS["en"][:30]], {"en": 1.0})
    assert isinstance(found, Label)
    assert found.language == "und"


def test_without_languages_all_are_named_and_stay() -> None:
    found = verdicts([*TEXTS.values(), "Yes."], [])
    assert [each.language for each in found if isinstance(each, Label)] == [*TEXTS, "und"]
    assert Language().allow == {}
    assert verdicts(["Ja."], [], stated="de") == [None]


def test_rare_languages_are_candidates_only_where_asked_for() -> None:
    assert "pcm" in LANGUAGES
    assert "pcm" not in WORLD
    assert set(WORLD) < set(LANGUAGES)


def test_answers_are_those_of_py3langid() -> None:
    """The library's own loop, over texts of all lengths, of one script and of several."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    peer = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    assert sorted(peer.labels) == sorted(LANGUAGES)
    peer.set_languages(WORLD)
    chance = random.Random(0)
    texts = [text[: chance.randint(5, 90)] * chance.choice((1, 1, 40)) for text in TEXTS.values() for _ in range(12)]
    texts += ["A HEADLINE IN CAPITALS ABOUT THE RATE", "cafe\u0301 au lait, d\u00e9j\u00e0 vu", "\ud800 broken", "."]
    for text, (language, score, _) in zip(texts, identifier().identify(texts), strict=True):
        expected, probability = peer.classify(text[:CHARACTERS])
        if score:  # without any feature the library takes the first of its languages
            assert language == expected, text
            assert score == pytest.approx(probability, abs=1e-3)


def test_judging_together_or_alone_is_the_same() -> None:
    texts = [*TEXTS.values(), "", "Yes.", TEXTS["en"] * 100]
    together = verdicts(texts, ["en", "de"])
    assert together == [verdicts([text], ["en", "de"])[0] for text in texts]
    assert verdicts([], ["en"]) == []


@pytest.mark.parametrize("allow", [["english"], ["zxx"], ["und"], {"en": 2}, "en"])
def test_settings_are_checked(allow: object) -> None:
    with pytest.raises(ValidationError):
        Language.model_validate({"allow": allow})

from __future__ import annotations

import pytest

from domain.text.quality.counts import Counts
from domain.text.quality.gopher import GopherRules, judge
from domain.text.quality.violation import Violation
from domain.text.words import Split
from tests.domain.text.quality.test_rules import SENTENCES

PROSE = " ".join(SENTENCES)


def first(text: str, language: str = "en", **rules: object) -> Violation | None:
    split = Split([text])
    return judge(split, Counts.of(split), [language], GopherRules.model_validate(rules))[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, None),
        ("", "too few words"),
        ("... ---", "too few words"),
        ("The cat sat with the dog.", "too few words"),
        ("___ " * 40 + "the cat", "too few words"),
        ("a b c d e f g h i the of to and that be " * 3, "short words"),
        ("the incomprehensibilities " * 20, "long words"),
        (PROSE + " #" * 20, "hashes"),
        (PROSE + "..." * 20, "ellipses"),
        ("\n".join(f"- {line}" for line in SENTENCES), "bullet lines"),
        ("\n".join(f"{line[:-1]}..." for line in SENTENCES), "ellipsis lines"),
        (PROSE + " 12345" * 200, "words without letters"),
        ("Bilanz Gewinn Verlust Umsatz " * 2 + " ".join(f"Posten{i}a" for i in range(30)), "no running text"),
    ],
)
def test_each_rule_catches_what_it_is_for(text: str, reason: str | None) -> None:
    found = first(text)
    assert (found.reason if found else None) == reason


def test_what_was_measured_is_told() -> None:
    assert first("one of two", words_least=4) == Violation("too few words", 3)
    assert first("one of two", words_least=0, words_most=2) == Violation("too many words", 3)
    assert first("one of six", words_least=0, length_least=3) == Violation("short words", pytest.approx(8 / 3))
    assert first("a1 of 22 33", words_least=0, letters=0.6, length_least=0) == Violation("words without letters", 0.5)


def test_a_text_without_words_has_too_few_whatever_the_rules() -> None:
    assert first("", words_least=0, letters=0, stop_words_least=0, length_least=0) == Violation("too few words", 0)


def test_stop_words_are_the_recipes() -> None:
    german = "Der Vorstand hat die Dividende vorgeschlagen und beschlossen " * 4
    assert first(german) == Violation("no running text", 0)
    assert first(german, stop_words=["der", "die", "und"], stop_words_least=3) is None
    assert first(german, stop_words=["der", "die", "und"], stop_words_least=4) == Violation("no running text", 3)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "日本銀行は金融政策決定会合で政策金利を据え置くことを決めた。物価は緩やかに上昇している。"),
        ("zh", "中国人民银行决定下调存款准备金率,释放了长期资金约一万亿元,支持实体经济的发展。"),
        ("th", "ธนาคารแห่งประเทศไทยมีมติคงอัตราดอกเบี้ยนโยบายไว้ที่ร้อยละสองจุดห้าต่อปี"),
    ],
)
def test_scripts_without_spaces_are_not_asked_for_the_length_of_words(language: str, text: str) -> None:
    assert first(text, language) is None
    assert first(text, language, words_least=200) is not None


def test_stop_words_stand_where_the_language_has_them() -> None:
    korean = "한국은행은 금융통화위원회를 열고 기준금리를 동결하기로 결정했다 " * 5
    assert first(korean, "ko") is None  # as the ends of words: 은, 를, 고, 다
    assert first("은 를 고 다 " * 10, "ko", length_least=0) == Violation("no running text", 0)
    assert first(korean, "ko", stop_words=["열고", "결정했다"]) is None
    assert first(korean, "en") == Violation("no running text", 0)
    assert first("銀行利率上調貸款" * 5, "zh") == Violation("no running text", 0)
    assert first("銀行的利率上調貸款" * 5, "zh") is None  # anywhere in a text


def test_thresholds_are_those_of_the_language_unless_the_recipe_says_so() -> None:
    compounds = "und Bundesverfassungsgericht Arbeitsunfähigkeitsbescheinigung Rechtsschutz " * 6
    assert first(compounds, "de") == Violation("long words", pytest.approx(17.75))
    assert first("und Verfassungsgericht der Bescheinigung " * 6, "de") is None  # 10.5: as long as German may be
    assert first("und Verfassungsgericht der Bescheinigung the " * 6, "en") is None
    assert first("the constitutionally of rechtsschutzversicherung " * 6, "en") == Violation("long words", 11.25)


def test_a_language_of_which_nothing_is_known_is_asked_for_no_stop_words() -> None:
    text = "Vanhu hinkwavo va tswariwile va ntshunxekile naswona va ringana hi xindzhuti ni timfanelo ta vona " * 2
    assert first(text, "") is None
    assert first(text, "en") == Violation("no running text", 0)

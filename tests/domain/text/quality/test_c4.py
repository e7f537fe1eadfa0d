from __future__ import annotations

import pytest

from domain.text.quality.c4 import C4Rules, KeptLines, judge, sentence_ends
from domain.text.quality.violation import Violation
from tests.domain.text.quality.test_rules import SENTENCES

PAGE = "\n".join(SENTENCES)


def left(added: str, **rules: object) -> KeptLines | Violation:
    return judge(f"{PAGE}\n{added}", False, C4Rules.model_validate(rules))


@pytest.mark.parametrize(
    "line",
    [
        "A heading without an end",
        "Read more about this ...",
        "Too short.",
        "Please enable Javascript for this page.",
        "We use cookies to serve you.",
        "Word " + "x" * 1001 + " is too long.",
        "",
    ],
)
def test_a_line_that_is_no_sentence_goes(line: str) -> None:
    assert left(line) == (KeptLines(PAGE, 1, 6) if line else KeptLines(PAGE, 0, 5))


def test_a_line_that_passes_stays_without_its_citations() -> None:
    assert left("  It was founded in 1913.[2][citation needed]  ") == KeptLines(
        f"{PAGE}\nIt was founded in 1913.", 0, 6
    )
    assert left("It was [2] founded in 1913.", citations=False) == KeptLines(
        f"{PAGE}\nIt was [2] founded in 1913.", 0, 6
    )


def test_a_whole_text_goes() -> None:
    assert left("Here is lorem ipsum once.") == Violation("lorem ipsum", 1)
    assert left("It prints { and more.") == Violation("curly bracket", 1)
    assert isinstance(left("It prints { and more.", curly_bracket=False), KeptLines)
    assert judge("\n".join(SENTENCES[:4]), False, C4Rules()) == Violation("too few sentences", 4)
    assert judge("", False, C4Rules(sentences_least=0)) == Violation("too few sentences", 0)


def test_settings_change_what_stays() -> None:
    assert left("He said so.”") == KeptLines(f"{PAGE}\nHe said so.”", 0, 6)
    assert left("He said so.”", ends=".?!\"'") == KeptLines(PAGE, 1, 6)
    assert left("Too short.", line_words=2) == KeptLines(f"{PAGE}\nToo short.", 0, 6)


def test_scripts_without_spaces_are_not_asked_for_words() -> None:
    chinese = "央行下调存款准备金率。\n市场反应积极。\n债券收益率下行。\n分析师预计政策将继续宽松。利率不变。\n目录"
    assert judge(chinese, True, C4Rules()) == KeptLines(chinese.removesuffix("\n目录"), 1, 5)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3), ("One. And then", 2), ("Version 2.5 is out.", 1), ('He said: "Stop." Then left.', 2),
        ("政策不变。市场平稳。", 2), ("", 1), ("No end", 1), ("Wait... what?!", 2),
    ],
)  # fmt: skip
def test_sentences(text: str, count: int) -> None:
    ends = sentence_ends(text)
    assert len(ends) == count
    assert ends[-1] == len(text)

from __future__ import annotations

import pytest

from domain.text.quality import QualityRules, judge

RULES = QualityRules()
SENTENCES = (
    "The board approved the dividend that the chairman had proposed in March.",
    "Interest on these notes is due twice a year, and the issuer may redeem them early.",
    "Revenue rose to nine million, of which a third came from new customers abroad.",
    "We have no reason to expect that demand will weaken before the end of winter.",
)
PROSE = " ".join(SENTENCES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, None),
        ("", "too few words"),
        ("The cat sat with the dog.", "too few words"),
        ("a b c d e f g h i the of to and that be " * 3, "word length"),
        (PROSE + " #" * 20, "symbols"),
        ("\n".join(f"- {line}" for line in SENTENCES), "bullet lines"),
        ("\n".join(f"{line[:-1]}..." for line in SENTENCES), "ellipsis lines"),
        (PROSE + " 12,345" * 60, "words without letters"),
        ("Bilanz Gewinn Verlust Umsatz " * 2 + " ".join(f"Posten{i}a" for i in range(30)), "no running text"),
        ("\n".join([*SENTENCES, SENTENCES[0], SENTENCES[0], SENTENCES[0], SENTENCES[0]]), "repeated lines"),
        (PROSE + " buy now" * 30, "repeated 2-gram"),
    ],
)
def test_each_rule_catches_what_it_is_for(text: str, reason: str | None) -> None:
    found = judge(text, RULES)
    assert (found[0] if found else None) == reason


def test_a_text_without_words_is_dropped_whatever_the_rules() -> None:
    assert judge("", RULES.but(words_least=0)) == ("too few words", "0")


def test_thresholds_are_the_rules_own() -> None:
    assert judge(PROSE, RULES.but(words_least=1000)) == ("too few words", str(len(PROSE.split())))
    short = "The cat sat with the dog."
    assert judge(short, RULES.but(words_least=1, top_2gram=1.0)) is None


def test_gopher_thresholds_agree_with_the_filter_of_another_house() -> None:
    """With Gopher's own thresholds the verdicts are those of datatrove's filter, on texts around each of them."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import GopherQualityFilter
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Spaces(WordTokenizer):  # type: ignore[misc]
        """Words as Gopher's paper has them."""

        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    peer = GopherQualityFilter(language=Spaces("en"))
    gopher = RULES.but(
        words_least=50, words_most=100_000, word_length_most=10.0, letters=0.8, repeated_lines=1.0, top_2gram=1.0,
        top_4gram=1.0,
    )  # fmt: skip
    long = " ".join([PROSE] * 2)
    texts = [
        long, PROSE, " ".join(long.split()[:49]), " ".join(long.split()[:50]),
        long + " #" * 10, long + " #" * 14, long + " 7" * 20, long + " 7" * 40,
        "\n".join(f"- {s}" for s in SENTENCES * 3), " ".join(f"word{i}" for i in range(60)),
        " ".join(["the of"] * 40), " ".join(["extraordinarily the constitutional and"] * 15),
        "\n".join(f"{s}..." if i % 3 == 0 else s for i, s in enumerate(SENTENCES * 3)),
        "\n".join(f"{s}..." if i % 2 == 0 else s for i, s in enumerate(SENTENCES * 3)),
    ]  # fmt: skip
    mine = [judge(text, gopher) is None for text in texts]
    theirs = [peer.filter(Document(text=text, id="x")) is True for text in texts]
    assert mine == theirs
    assert 3 <= sum(mine) <= len(mine) - 3

from __future__ import annotations

from domain.text.group_mentions import GROUPS, TERMS, mentions
from domain.text.words import Split


def counted(text: str) -> dict[str, int]:
    return {group: int(n) for group, n in zip(GROUPS, mentions(Split([text]))[0], strict=True) if n}


def test_groups_are_counted_by_their_terms() -> None:
    assert counted("She said that he and his wife, a Muslim, met two gay men.") == {
        "gender: women": 2, "gender: men": 3, "religion: Muslims": 1, "orientation: gay and lesbian people": 1,
    }  # fmt: skip
    assert counted("Black people and African-Americans; wheelchair users") == {
        "ethnicity: Black people": 2, "disability: disabled people": 1,
    }  # fmt: skip


def test_other_meanings_are_not_counted() -> None:
    assert counted("black market, white paper, Asian markets, platform-agnostic, straight line, Indian Ocean") == {}


def test_what_needs_a_capital_counts_with_one_only() -> None:
    assert counted("Germans; GERMANS") == {"nationality: Germans": 2}
    assert counted("germans") == {}


def test_a_row_for_each_text() -> None:
    table = mentions(Split(["he", "", "she and she"]))
    assert table.shape == (3, len(GROUPS))
    assert table.sum(axis=1).tolist() == [1, 0, 2]
    assert table[2, GROUPS.index("gender: women")] == 2
    assert mentions(Split([])).shape == (0, len(GROUPS))


def test_no_term_stands_for_two_groups() -> None:
    terms = [term.lower() for groups in TERMS.values() for each in groups.values() for term in each.split(", ")]
    assert len(terms) == len(set(terms))

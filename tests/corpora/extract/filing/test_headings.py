"""How real filings write an item's heading: each way is one kind, tried over the items of each form."""

from __future__ import annotations

import pytest

from corpora.extract.filing.headings import heading, label
from corpora.extract.filing.titles import titled

WAYS = (
    "Item {}. {}",
    "ITEM {}.{}",
    "Item {} {}",
    "Item {}: {}",
    "ITEM {} - {}",
    "ITEM {} – {}",
    "Item {}— {}",
    "Item {}) {}",
    "Item No. {} {}",
    "Item No. {}. {}",
    "ITEM NO {}: {}",
    "Item Number {}. {}",
    "Item # {} {}",
    "Item: {}. {}",
    "• Item {}. {}",
    "* Item {}. {}",
    "- Item {}. {}",
    "· Item {}. {}",
    "■ Item {}. {}",
    "✓ Item {}. {}",
    "o Item {}. {}",
    "\uf0b7 Item {}. {}",
    "| Item {}. | {}",
    "[Item {}] {}",
    "Item ({}) {}",
    "I TEM {}. {}",
    "I T E M {}. {}",
    "Item{}. {}",
)
PARTED = (
    "PART II - ITEM {}. {}",
    "PART II, ITEM {}. {}",
    "Part II. Item No. {} {}",
    "PART II | Item {}. | {}",
    "PART II - OTHER INFORMATION, ITEM {}. {}",
    "Part 2 Item {} {}",
)


def named(line: str, form: str) -> str:
    found = heading(line, form)
    return "" if found is None else f"{found.part} {found.name}".strip()


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_write_the_word_and_the_number(way: str) -> None:
    assert named(way.format("7", "Management’s Discussion"), "10-K") == "7"
    assert named(way.format("1A", "Risk Factors"), "10-K") == "1A"
    assert named(way.format("16", "Form 10-K Summary"), "10-K/A") == "16"
    if "(" not in way:
        assert named(way.format("5.02", "Departure of Directors"), "8-K") == "5.02"


@pytest.mark.parametrize("way", PARTED)
def test_part_and_item_in_one_heading(way: str) -> None:
    assert named(way.format("1A", "Risk Factors"), "10-Q") == "II 1A"
    assert named(way.format("7", "Discussion"), "10-K") == "II 7"
    assert label(way.format("1A", "Risk Factors")) == "1a"


@pytest.mark.parametrize(
    "apart",
    [
        "1{}",
        "1 {}",
        "1.{}",
        "1.{}.",
        "1-{}",
        "1–{}",
        "1—{}",
        "1‑{}",
        "1({})",
        "1 ({})",
        "1[{}]",
        "1. {}.",
        "1/{}",
        "1_{}",
    ],
)
def test_a_letter_set_apart_is_the_items(apart: str) -> None:
    for letter, title in (("A", "Risk Factors"), ("B", "Unresolved Staff Comments"), ("C", "Cybersecurity")):
        assert named(f"Item {apart.format(letter)} {title}", "10-K") == f"1{letter}"
        assert named(f"ITEM {apart.format(letter.lower())} {title.upper()}", "10-K") == f"1{letter}"
    assert named(f"Item {apart.format('A').replace('1', '7')} Quantitative Disclosures", "10-K") == "7A"


@pytest.mark.parametrize(
    ("line", "form", "name"),
    [
        ("Item 1. A Description of our Business", "10-K", "1"),
        ("Item 1. A risk that we run", "10-K", "1"),
        ("Item 1(a) General Development of Business", "10-K", "1"),
        ("Item 14(d) Schedules", "10-K", "14"),
        ("Item 4.A. History and Development", "20-F", "4"),
        ("Item 16C. Accountant Fees", "20-F", "16C"),
        ("Item 9A(T). Controls and Procedures", "10-K", "9A"),
        ("Item 4T. Controls", "10-Q", "4"),
        ("Item 7(c). Exhibits", "8-K", "7"),
        ("Item 5.02(b) Departure", "8-K", "5.02"),
        ("Item 2.02Results", "8-K", "2.02"),
        ("Section 2 - Financial Information, Item 2.02 Results", "8-K", "2.02"),
        ("Items 2.02 and 9.01. Results", "8-K", "2.02"),
        ("Items 1 and 2. Business and Properties", "10-K", "1"),
        ("ITEM(S) 1 & 2. Business", "10-K", "1"),
        ("Item\u2009601 of Regulation S-K", "10-K", ""),
        ("Item 7 of our report tells", "10-K", ""),
        ("Item 5) which had been held", "8-K", ""),
        ("Item 7. Discussion (continued)", "10-K", ""),
        ("“Item 7. Discussion” tells more", "10-K", ""),
        ("(see Item 7. Discussion)", "10-K", ""),
        ("Items sold", "10-K", ""),
        ("Item 1, we say", "10-K", ""),
    ],
)
def test_what_a_line_names(line: str, form: str, name: str) -> None:
    assert named(line, form) == name


def test_items_that_share_a_heading_are_all_named() -> None:
    for line, names in (
        ("Items 1 and 2. Business and Properties", ("2",)),
        ("Items 1, 1A and 2. Business", ("1A", "2")),
        ("Item 1 & Item 2. Business", ("2",)),
        ("Items 2.02 and 9.01 Results", ("9.01",)),
    ):
        found = heading(line, "8-K" if "." in names[0] else "10-K")
        assert found is not None
        assert found.further == names


@pytest.mark.parametrize(
    ("line", "form", "key"),
    [
        ("Risk Factors", "10-K", "1A"),
        ("RISK FACTORS.", "10-Q", "II-1A"),
        ("1A. Risk Factors", "10-K405", "1A"),
        ("2. Risk Factors", "10-K", None),
        ("Summary of Risk Factors", "10-K", None),
        ("Legal Proceedings", "10-Q", "II-1"),
        ("Management’s Discussion and Analysis of Financial Condition and Results of Operations", "10-Q", "I-2"),
        ("2.02 Results of Operations and Financial Condition", "8-K", "2.02"),
        ("Key Information", "20-F", "3"),
        ("Description of Business", "10-KSB", None),
        ("Risk Factors", "S-1", None),
        ("Properties", "10-K", "2"),
    ],
)
def test_titles_without_the_word(line: str, form: str, key: str | None) -> None:
    assert titled(line, form) == key

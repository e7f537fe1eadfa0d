from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from domain.errors import UserError
from domain.text.names import NameFinder
from domain.text.privacy import masked
from tests.token_classifiers import train_tagger

FIRST = ["Anna", "José", "Zoë", "Ivan", "Łukasz", "Mary", "Søren", "Chloé", "Olga", "Peter"]
LAST = ["Müller", "Núñez", "Smith", "Novák", "Åberg", "Jones", "Ærø", "Weiß", "Costa", "Brown"]
STREETS = ["High", "Mill", "Königs", "Park", "Élysée", "Church", "Station", "Kirk", "Main", "Øster"]
PLAIN = ["the", "loan", "of", "€", "500", "was", "paid", "to", "by", "on", "behalf", "of", "our", "bank", "–", "and",
         "signed", "in", "May", "with", "a", "fee"]  # fmt: skip


def sentences() -> list[list[tuple[str, str]]]:
    """First names before last ones: "... Mr Anna Müller ... lives at 12 High Street ...", among plain words."""
    made = []
    for i, first in enumerate(FIRST):
        for j, last in enumerate(LAST):
            if (i + j) % 2:
                continue
            shift = (3 * i + j) % len(PLAIN)
            plain = [(word, "O") for word in (*PLAIN[shift:], *PLAIN[:shift])]
            name = [("Mr", "O"), (first, "B-PER"), (last, "I-PER")]
            street = [("at", "O"), (str(10 * i + j), "B-LOC"), (STREETS[j], "I-LOC"), ("Street", "I-LOC")]
            made.append([*plain[: i + 2], *name, *plain[i + 2 : 10 + j], *street, *plain[10 + j :]])
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tagger(tmp_path_factory.mktemp("tagger"), sentences(), epochs=40)


@pytest.fixture(scope="module")
def finder(folder: Path) -> NameFinder:
    return NameFinder.load(str(folder), {"PER": "person", "LOC": "address"})


def mask(finder: NameFinder, text: str) -> str:
    return masked(text, finder.find([text])[0])[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("€ – paid to Mr Zoë Weiß by our bank", "€ – paid to Mr <PERSON> by our bank"),
        ("Mr Søren Åberg and Mr Mary Jones signed", "Mr <PERSON> and Mr <PERSON> signed"),
        (
            "signed in May with a fee at 37 Élysée Street of our bank",
            "signed in May with a fee at <ADDRESS> of our bank",
        ),
        ("the loan was paid to our bank", "the loan was paid to our bank"),
        ("", ""),
    ],
)
def test_names_stand_where_the_text_has_them(finder: NameFinder, text: str, expected: str) -> None:
    assert mask(finder, text) == expected


def test_a_long_text_is_read_in_windows_that_overlap(finder: NameFinder) -> None:
    """A window has 64 pieces: wherever a name stands, no edge of a window cuts it or hides what is around it."""
    assert finder.longest == 64
    text = " ".join(f"{' '.join(PLAIN[: 3 + number])} Mr Łukasz Núñez paid" for number in range(12))
    finds = finder.find([text, "Mr Anna Smith", ""])
    assert [text[each.start : each.end] for each in finds[0]] == ["Łukasz Núñez"] * 12
    assert [len(each) for each in finds] == [12, 1, 0]
    assert finder.find([text])[0] == finds[0]


def test_pieces_of_windows_put_together_are_those_of_the_whole_text(finder: NameFinder) -> None:
    text = " ".join([*PLAIN, "Mr Chloé Brown"] * 9)
    whole = finder.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert [(piece.start, piece.end) for piece in finder.pieces([text])[0]] == [tuple(each) for each in whole]


def test_a_placeholder_is_left_alone(finder: NameFinder) -> None:
    assert mask(finder, "paid to Mr <PERSON> by our bank") == "paid to Mr <PERSON> by our bank"
    once = mask(finder, "paid to Mr Zoë Weiß by our bank")
    assert mask(finder, once) == once


def test_a_threshold_of_one_masks_nothing(folder: Path) -> None:
    finder = NameFinder.load(str(folder), {"PER": "person"}, 1.0)
    assert mask(finder, "Mr Anna Müller") == "Mr Anna Müller"


def test_usual_labels_need_no_mention_and_others_are_asked_for(folder: Path, tmp_path: Path) -> None:
    assert mask(NameFinder.load(str(folder), {}), "paid to Mr Zoë Weiß at 37 Élysée Street").endswith(
        "37 Élysée Street"
    )
    with pytest.raises(UserError, match=r"no label NAM.*say which are names: LOC, O, PER"):
        NameFinder.load(str(folder), {"NAM": "person"})
    with pytest.raises(UserError, match="does not exist"):
        NameFinder.load(str(tmp_path / "nothing"), {})
    with pytest.raises(UserError, match="names no commit"):
        NameFinder.load("org/model@main", {})
    shutil.copytree(folder, tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace("PER", "GIB"))
    with pytest.raises(UserError, match="no label person or address"):
        NameFinder.load(str(tmp_path / "model"), {})


@pytest.mark.parametrize("text", ["a" * 20_000, "Mr " * 5_000, "\u0301" * 5_000, "é" * 9_000, "\n" * 9_000])
def test_no_text_takes_for_ever(finder: NameFinder, text: str) -> None:
    began = time.process_time()
    finder.find([text])
    assert time.process_time() - began < 30

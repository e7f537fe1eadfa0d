from __future__ import annotations

import codecs
import json
from collections import defaultdict
from pathlib import Path

import pytest

from domain.errors import UserError
from domain.text.profanity import HALF, WordList, built_in, read_list
from domain.text.words import Split

HEAVY = codecs.decode("fcvp", "rot13")  # weight 1
LIGHT = codecs.decode("penc", "rot13")  # weight 0.3


def score(text: str) -> float:
    return float(built_in().score(Split([text])).values[0])


def test_the_score_is_density_over_density_and_half() -> None:
    assert score("") == score("fine " * 40) == 0.0
    assert score("fine " * 49 + HEAVY) == pytest.approx(0.02 / (0.02 + HALF)) == pytest.approx(0.5)
    assert score("fine " * 9 + LIGHT) == pytest.approx(0.03 / 0.05)


def test_one_quotation_in_a_long_text_stays_near_zero() -> None:
    assert score("fine " * 4_999 + HEAVY) < 0.01


@pytest.mark.parametrize(
    "text",
    [
        "He had a heart attack", "use kill -9 to kill process 4711", "in default on a junk bond",
        "sold on the black market", "said Dick Cheney", "Moby Dick, by Melville", "the cock pit of the aircraft",
        "a chink in the armour", "skin prick tests", "great tits and blue tits", "the van Dyke family",
        "an assassin assesses the assets of Scunthorpe", "may retard the growth of", "a basic analysis of shitake",
        "FREEDOM SAVINGS AND LOAN ASS'N", "American Bar Ass'n", "spic and span",
    ],
)  # fmt: skip
def test_what_is_no_harm(text: str) -> None:
    assert score(text) == 0.0


def test_the_category_that_weighs_most_is_told() -> None:
    scores = built_in().score(Split([HEAVY, LIGHT, "go kill yourself", "fine"]))
    assert [scores.label(i) for i in range(3)] == ["slurs", "obscenity", "threats"]
    assert scores.values[3] == 0.0


def test_a_text_is_scored_alike_alone_and_among_others() -> None:
    texts = ["fine", HEAVY, "", f"{LIGHT} and fine"]
    assert built_in().score(Split(texts)).values.tolist() == [score(text) for text in texts]


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\ufeffFoo\n\n  bar baz \n🖕\n", encoding="utf-8")
    scores = read_list(path).score(Split(["a foo is", "bar, baz", "bar"]))
    assert scores.values.tolist() == pytest.approx([(1 / 3) / (1 / 3 + HALF), 0.5 / 0.52, 0.0])
    assert scores.label(0) == "listed words"


def test_bad_lists_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n🖕\n", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    for name, found in {"empty.txt": "holds no word", "latin.txt": "not UTF-8", "none.txt": "No such file"}.items():
        with pytest.raises(UserError, match=found):
            read_list(tmp_path / name)


def test_names_and_harmless_phrases_are_the_lists_own() -> None:
    listed = WordList([("odd", 1.0, "rook")], harmless=["rook takes"], names=["rook"])
    assert listed.score(Split(["Rook", "rook", "rook takes rook", "ROOK"])).values.round(2).tolist() == [
        0.0, 0.98, 0.94, 0.98,
    ]  # fmt: skip


def test_on_labelled_posts(standard_data: Path) -> None:
    """Davidson et al. 2017 (arXiv 1703.04009), 24,783 posts: what the list catches, and what it lets pass."""
    posts = [json.loads(line) for line in (standard_data / "safety" / "hate.jsonl").open(encoding="utf-8")]
    dropped: dict[str, list[bool]] = defaultdict(list)
    for post, value in zip(posts, built_in().score(Split([p["text"] for p in posts])).values, strict=True):
        dropped[post["label"]].append(bool(value > 0.5))
    share = {label: sum(each) / len(each) for label, each in dropped.items()}
    assert share["hate"] > 0.8
    assert share["offensive"] > 0.88
    assert share["neither"] < 0.07

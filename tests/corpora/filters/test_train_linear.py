from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest

from corpora.filters.train_linear import fit, halves, measure, passages, read_rows, train
from domain.errors import UserError
from domain.text.scorers.linear import WINDOW, Linear
from domain.text.words import Split

GOOD, BAD, UGLY = ["report", "quarter", "growth"], ["vile", "foul", "rotten"], ["naked", "lewd", "nude"]


def examples(count: int = 60) -> list[tuple[str, str]]:
    """Texts of which one word in five tells the label."""
    chance = random.Random(0)
    common = [f"word{i}" for i in range(50)]
    return [
        (" ".join([chance.choice(words), *chance.choices(common, k=4)]), label)
        for _ in range(count)
        for words, label in ((GOOD, "fine"), (BAD, "abuse"), (UGLY, "lewd"))
    ]


def test_it_learns_what_tells_and_measures_on_the_other_half() -> None:
    model = train(examples(), safe="fine", seed=3)
    scores = model.score(Split(["vile word1 word2", "quarter word1 word2", "word9 lewd"]))
    assert [scores.label(0), scores.label(2)] == ["abuse", "lewd"]
    assert scores.values[1] < 0.4 < 0.8 < min(scores.values[0], scores.values[2])
    measured = model.header["measured"]
    assert measured["f1"] > 0.95
    assert 70 < measured["examples"] < 110
    assert model.header["labels"] == ["fine", "abuse", "lewd"]
    assert (model.header["seed"], model.header["safe"], len(model.header["digest"])) == (3, "fine", 64)


def test_the_same_examples_make_the_same_file_in_any_order(tmp_path: Path) -> None:
    for name, given in {"a": examples(), "b": [*reversed(examples()), *examples()[:9]]}.items():
        train(given, safe="fine").save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    header = Linear.load(tmp_path / "a").header
    train(examples()[3:], safe="fine").save(tmp_path / "c")
    assert Linear.load(tmp_path / "c").header["digest"] != header["digest"]


def test_two_labels_score_as_scikit_learn_does() -> None:
    """The probability of a one-window text against scikit-learn's own over the same rows."""
    from sklearn.linear_model import LogisticRegression

    from corpora.filters.train_linear import STRENGTH, rows
    from domain.text.scorers.windows import window_bounds

    given = sorted({row for row in examples() if row[1] != "lewd"})
    split = Split([text for text, _ in given])
    matrix = rows(split, window_bounds(split.offsets, WINDOW)[0])
    peer = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500, tol=1e-3)
    peer.fit(matrix, np.array([label != "fine" for _, label in given]))
    ours = train(given, safe="fine").score(split).values
    assert np.abs(ours - peer.predict_proba(matrix)[:, 1]).max() < 1e-4


def test_measures_by_hand() -> None:
    model = train(examples(), safe="fine")
    given = [("vile", "abuse"), ("report", "abuse"), ("quarter", "fine"), ("nude", "fine")]
    assert measure(model, given) == {
        "examples": 4, "threshold": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5, "auc": 0.75,
        "called_harm": {"fine": 0.5, "abuse": 0.5},
    }  # fmt: skip


def test_halves_keep_equal_texts_together_and_do_not_move() -> None:
    one, other = halves([(f"text {i}", label) for i in range(400) for label in ("a", "b")], 0)
    assert not {text for text, _ in one} & {text for text, _ in other}
    assert 300 < len(one) < 500
    assert set(halves([("text 7", "a")], 0)[0]) <= set(one)


def test_passages_are_drawn_from_all_texts_in_any_order() -> None:
    texts = [" ".join(f"w{i}x{j}" for j in range(200)) + "." for i in range(5)]
    drawn = passages(texts, 8)
    assert drawn == passages(texts[::-1], 8)
    assert len(drawn) == 8
    assert all(len(each.split()) == 50 for each in drawn)  # 200 words are four windows of at most 64
    assert all(any(each in text for text in texts) for each in drawn)
    assert len(passages(texts, 10**6)) == 20
    assert passages(["", "..."], 9) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([], "there are none"),
        ([("a", "good")], "there are good"),
        ([("a", "fine")], "all examples are labelled fine"),
        ([*examples(), ("b", "rare")], "label rare has 1 different"),
    ],
)
def test_examples_that_teach_nothing_are_refused(given: list[tuple[str, str]], found: str) -> None:
    with pytest.raises(UserError, match=found):
        train(given, safe="fine")


def test_rows_are_read_compressed_or_not(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"body": f"a\r\n{i}", "tag": i}) + "\n" for i in range(3))
    (tmp_path / "x.jsonl").write_text(lines, encoding="utf-8")
    lines += '{"body": " ", "tag": 4}\n'  # a text of nothing is none
    with gzip.open(tmp_path / "x.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines)
    for name in ("x.jsonl", "x.jsonl.gz"):
        assert list(read_rows(tmp_path / name, ("body", "tag"))) == [(f"a\n{i}", str(i)) for i in range(3)]


def test_what_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    good = b'{"text": "a", "label": "b"}\n'
    bad = {
        "no_label": (good + b'{"text": "a"}\n', r"no_label:2: has no label"),
        "null": (good + b'{"text": null, "label": "b"}\n', r"null:2: has no text"),
        "list": (b"[1]\n", r"list:1: holds list, not an object"),
        "json": (good + good + b"{oh\n", r"json:3: is not valid JSON"),
        "latin": (b'{"text": "\xe9"}\n', r"latin:1: is not UTF-8"),
        "cut.gz": (gzip.compress(good * 9)[:-12], r"cut.gz, after line \d+: cannot be decompressed"),
    }
    for name, (content, found) in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=found) as refused:
            list(read_rows(tmp_path / name, ("text", "label")))
        assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match="No such file"):
        list(read_rows(tmp_path / "none", ("text",)))


def test_on_labelled_posts_and_filings(standard_data: Path) -> None:
    """A third of Davidson's posts (arXiv 1703.04009) and stretches of 8-K filings, half to learn from, half to ask."""
    posts = sorted(set(read_rows(standard_data / "safety" / "hate.jsonl", ("text", "label"))))[::3]
    filings = [row[0] for row in read_rows(standard_data / "finance" / "8k.jsonl.gz", ("text",))]
    learn, ask = halves([(row[0], row[1]) for row in posts], 0)
    header = {"labels": ["neither", "hate", "offensive"], "safe": "neither", "window": WINDOW}
    model = fit(sorted([*learn, *((text, "neither") for text in passages(filings[::2], 300))]), header)
    measured = measure(model, ask)
    assert measured["f1"] > 0.94
    assert measured["precision"] > 0.96
    assert measured["called_harm"]["hate"] > 0.8
    assert not (model.score(Split(filings[1::2])).values > 0.5).any()

"""Held-out text is held out for ever: whatever becomes of it at its source, no later corpus of a work folder trains on
it, and other documents stay where they were."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.corpora.fates import where

Record = dict[str, Any]
SHARES = {"validation": 0.1, "test": 0.1}
HELD_OUT = {"validation", "test"}
LENGTHS = (14, 18, 30, 60, 150, 400)  # words


def documents(prose: Callable[..., str], count: int = 240) -> list[Record]:
    """Documents of several lengths, one a day."""
    return [
        {
            "id": f"d{i}",
            "text": prose(i, LENGTHS[i % len(LENGTHS)]),
            "date": f"{2020 + i // 300}-{i // 28 % 12 + 1:02d}-{i % 28 + 1:02d}",
        }
        for i in range(count)
    ]


def swapped(text: str, chance: random.Random, count: int) -> str:
    """The text with some words replaced."""
    words = text.split()
    for place in chance.sample(range(len(words)), count):
        words[place] = f"other{chance.randrange(10**6)}"
    return " ".join(words)


def half(text: str, chance: random.Random, prose: Callable[..., str]) -> str:
    words = text.split()
    return " ".join([*words[: len(words) // 2], prose(chance.random(), len(words) - len(words) // 2)])


# What becomes of a text: (id, text, source of chance, prose) -> records of the next week.
Change = Callable[[Record, random.Random, Callable[..., str]], list[Record]]
CHANGES: dict[str, Change] = {
    "stays": lambda r, c, p: [r],
    "two words edited": lambda r, c, p: [{**r, "text": swapped(r["text"], c, 2)}],
    "two words edited, under another id and date": lambda r, c, p: [
        {"id": f"new-{r['id']}", "text": swapped(r["text"], c, 2), "date": "2025-01-01"}
    ],
    "in capitals, with other spaces": lambda r, c, p: [{**r, "text": r["text"].upper().replace(" ", "  \n")}],
    "an older near copy comes": lambda r, c, p: [
        r, {"id": f"a-{r['id']}", "text": f"{r['text']} with more words", "date": "2001-01-01"},
    ],
    "an older edited copy comes": lambda r, c, p: [
        {"id": f"a-{r['id']}", "text": swapped(r["text"], c, 2), "date": "2001-01-01"}, r,
    ],
    "words are added on both sides": lambda r, c, p: [
        {**r, "text": f"{p(c.random(), 9)} {r['text']} {p(c.random(), 9)}"}
    ],
    "a quarter is cut": lambda r, c, p: [{**r, "text": " ".join(r["text"].split()[len(r["text"].split()) // 4 :])}],
    "half is written anew": lambda r, c, p: [{**r, "text": half(r["text"], c, p)}] if len(r["text"]) > 900 else [r],
    "quoted in a longer text": lambda r, c, p: [
        {**r, "text": f"{p(c.random(), 900)} {r['text']} {p(c.random(), 900)}"}
    ],
}  # fmt: skip


def test_no_held_out_text_is_ever_trained_on(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    """Every tenth text of every length goes through each change; those that are not held out stay as they are."""
    records, shares = documents(prose, 600), {"validation": 0.2, "test": 0.2}
    before = where(cleaned(raw(records), holdout=shares, filters=[]))
    chance = random.Random(1)
    leaked, lost, frozen, week = Counter[str](), Counter[str](), list[tuple[str, str, list[Record]]](), list[Record]()
    for number, record in enumerate(records):
        change = list(CHANGES)[number // len(LENGTHS) % len(CHANGES)]
        if before[record["id"]] in HELD_OUT:
            frozen.append((change, record["id"], CHANGES[change](record, chance, prose)))
            week[:0] = frozen[-1][2]  # at the top
        else:
            week.append(record)
    assert 190 <= len(frozen) <= 290  # two fifths of 600, at four standard deviations
    after = where(cleaned(raw(week), holdout=shares, filters=[]))
    for change, name, changed in frozen:
        leaked[change] += any(after.get(row["id"]) == "train" for row in changed)
        lost[change] += not any(after.get(row["id"]) == before[name] for row in changed)
    assert leaked.total() == lost.total() == 0, (leaked, lost)
    names = {name for _, name, _ in frozen}
    others = {r["id"]: before[r["id"]] for r in records if r["id"] not in names}
    assert {name: after[name] for name in others} == others


def test_a_short_text_that_others_share_most_of_is_recognised(
    raw: Any, cleaned: Any, prose: Callable[..., str]
) -> None:
    """Two words are others, and all but the name is in training text as well."""

    def notice(number: int, *others: str) -> str:
        name = prose(number, 4).replace("the ", "")
        words = f"{name} declares its quarterly dividend of ten cents a share against nine pay march 31 record march 9"
        return words.replace("ten", others[0]).replace("31", others[1]) if others else words

    records = [{"id": f"d{i}", "text": notice(i)} for i in range(200)]
    before = where(cleaned(raw(records), holdout=SHARES, filters=[], dedup=["exact"]))
    frozen = [i for i in range(200) if before.get(f"d{i}") in HELD_OUT]
    rest = [record for i, record in enumerate(records) if i not in frozen]
    edited = [{"id": f"d{i}", "text": notice(i, f"other{i}", f"more{i}")} for i in frozen]
    after = where(cleaned(raw(rest + edited), holdout=SHARES, filters=[], dedup=["exact"]))
    assert len(frozen) > 10
    assert [i for i in frozen if after.get(f"d{i}") == "train"] == []


def test_training_text_that_is_edited_does_not_become_test_text(
    raw: Any, cleaned: Any, prose: Callable[..., str]
) -> None:
    """A model that is trained on from last week's weights has seen it."""
    records = [{"id": f"d{i}", "text": prose(i, 150)} for i in range(200)]
    before = where(cleaned(raw(records), holdout=SHARES, filters=[]))
    chance = random.Random(1)
    edited = [{**record, "text": swapped(record["text"], chance, 2)} for record in records]
    after = where(cleaned(raw(edited), holdout=SHARES, filters=[]))
    assert {name: after[name] for name in before if name.startswith("d")} == {
        name: split for name, split in before.items() if name.startswith("d")
    }


def test_changed_settings_move_nothing_out(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    made = raw([{**r, "text": f"{r['text']} write to {r['id']}@example.org"} for r in documents(prose)])
    before = where(cleaned(made, holdout=SHARES, filters=[]))
    for settings in (
        {"filters": ["language", "quality", "privacy", "harm"]},
        {"filters": ["privacy"], "dedup": []},
        {"filters": [], "holdout": {"validation": 0.0, "test": 0.0}},
        {"filters": [], "holdout": {"validation": 0.3, "test": 0.3}},
        {"filters": ["privacy"]},
    ):
        after = where(cleaned(made, **{"holdout": SHARES, **settings}))
        frozen = {name for name, split in before.items() if split in HELD_OUT}
        assert {name for name in frozen if after.get(name, before[name]) != before[name]} == set(), settings
    # The wider hold-out has held out more, and its texts are no training text here any more. None came back.
    assert {name for name in before if after[name] != before[name]} == {
        name for name in before if before[name] == "train" and after[name] in HELD_OUT
    }


def test_a_text_that_the_filters_dropped_is_held_out_all_the_same(
    raw: Any, cleaned: Any, prose: Callable[..., str]
) -> None:
    records = [{"id": f"d{i}", "text": prose(i, 12)} for i in range(150)]  # too short for the filter quality
    long = [{"id": f"long{i}", "text": prose(f"long {i}")} for i in range(30)]
    strict = where(cleaned(raw([*records, *long]), filters=["quality"], holdout=SHARES))
    assert not strict.keys() & {record["id"] for record in records}
    made = raw([*records, *long])
    first = where(cleaned(made, filters=[], holdout=SHARES))
    copies = [{**record, "id": f"c{record['id']}", "text": f"{record['text']} Again"} for record in records]
    second = where(cleaned(raw([*copies, *long]), filters=[], holdout=SHARES))
    assert {second[f"cd{i}"] == first[f"d{i}"] for i in range(150)} == {True}


def test_what_stands_between_held_out_and_trained_text_goes_nowhere(
    raw: Any, cleaned: Any, prose: Callable[..., str]
) -> None:
    """A bridge joins a test text and a training text into one cluster; neither moves."""
    settings = {"holdout": SHARES, "filters": [], "dedup": [], "test_overlap": {"on_match": "keep"}}
    records = [{"id": f"d{i}", "text": prose(i, 200)} for i in range(60)]
    made = raw(records)
    before = where(cleaned(made, **settings))
    test, train = (next(r for r in records if before[r["id"]] == split) for split in ("test", "train"))
    copies = [{"id": f"{side['id']}-copy", "text": f"{side['text']} indeed"} for side in (test, train)]
    bridge = {"id": "bridge", "text": f"{test['text']} {train['text']}"}
    after = where(cleaned(raw([*records, *copies, bridge]), **settings))
    assert {name: split for name, split in after.items() if name in before} == before
    assert (after[copies[0]["id"]], after[copies[1]["id"]]) == ("test", "train")
    assert after.get("bridge") != "train"

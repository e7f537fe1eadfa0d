from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from domain.jsonlines import read_lines
from tests.corpora.fates import ledger, where

Record = dict[str, Any]


def mixed(prose: Callable[..., str]) -> list[Record]:
    """240 documents: distinct ones, equal ones, nearly equal ones, kin, personal data, too short ones."""
    records: list[Record] = []
    for i in range(120):
        records.append({"id": f"own{i}", "text": prose(i), "date": f"2024-{i // 28 + 1:02d}-{i % 28 + 1:02d}"})
    for i in range(0, 40, 2):
        records.append({"id": f"equal{i}", "text": prose(i).upper()})
    for i in range(1, 40, 2):
        records.append({"id": f"near{i}", "text": prose(i) + " extra words"})
    for i in range(40, 80):
        records.append({"id": f"kin{i}", "text": f"{prose(i)} {prose(f'k{i}', 90)}"})
    for i in range(20):
        records.append({"id": f"mail{i}", "text": f"{prose(f'm{i}')} write to person{i}@example.org"})
    for i in range(20):
        records.append({"id": f"short{i}", "text": f"the end of {i}"})
    return records


HALF = {"validation": 0.2, "test": 0.2}


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def test_any_number_of_workers_gives_one_digest(
    raw: Any, cleaned: Any, prose: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("corpora.collect"), "SHARD_BYTES", 20_000)
    made = raw(mixed(prose))
    assert sum(1 for _ in (made.path / "documents").iterdir()) > 4
    digests, identities = set(), set()
    for workers in (1, 2):
        corpus = cleaned(made, workers=workers, holdout=HALF)
        digests.add(corpus.digest)
        identities.add(corpus.identity)
        shutil.rmtree(tmp_path / "work")  # judged shards are not to be found by the next
    assert (len(digests), len(identities)) == (1, 1)


@pytest.mark.soak
def test_ray_makes_the_same_corpus(raw: Any, cleaned: Any, prose: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("ray")
    made = raw(mixed(prose))
    here = cleaned(made, workers=2, holdout=HALF)
    shutil.rmtree(tmp_path / "work")  # what was judged here must be judged again there
    assert cleaned(made, workers=2, executor="ray", holdout=HALF).digest == here.digest


def test_everything_that_came_is_kept_or_in_the_ledger(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    made = raw(mixed(prose))
    corpus = cleaned(made, holdout=HALF, test_overlap={"on_match": "keep"})
    came = {row["id"] for row in read_lines(made.path / "inventory.jsonl")}
    kept, lines = where(corpus), ledger(corpus)
    assert lines.keys() == came
    dropped = {name for name, rows in lines.items() if rows[-1]["action"] == "dropped"}
    assert kept.keys() == came - dropped
    for name, rows in lines.items():  # a document's last row is its fate; before it are changes alone
        assert rows[-1]["action"] == ("dropped" if name in dropped else "kept")
        assert {row["action"] for row in rows[:-1]} <= {"changed"}
        assert rows[-1]["split"] == kept.get(name)
    facts = corpus.facts
    assert facts["documents_in"] == len(came) == facts["documents_out"] + sum(facts["dropped"].values())
    assert facts["documents_out"] == len(kept)
    reasons = {"exact duplicate": 20, "near duplicate": 20, "quality: too few words": 20}
    assert facts["dropped"] == reasons
    assert facts["changed"] == {"privacy: masked": 20}
    assert facts["bytes_out"] == sum(
        len(d["text"].encode()) for s in corpus.splits for p in ("domain", "general") for d in corpus.documents(s, p)
    )
    assert lines["equal4"][0]["duplicate_of"] == "own4"
    assert lines["near5"][0]["duplicate_of"] == "own5"
    masked, held = lines["mail3"]
    assert (masked["action"], masked["stage"], masked["detail"]) == ("changed", "privacy", "email 1")
    assert (held["action"], held["cluster"], held["shard"]) == ("kept", "mail3", "domain-00000.jsonl")
    assert (held["language"], type(held["confidence"])) in [("en", float), ("und", float)]
    assert held["bytes"] == held["bytes_kept"] + len("person3@example.org") - len("<EMAIL>")
    text = next(d["text"] for s in corpus.splits for d in corpus.documents(s, "domain") if d["id"] == "mail3")
    assert text.endswith("write to <EMAIL>")


def test_no_cluster_is_split(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    """By brute force over all pairs, with the true overlap of word 5-grams and not its estimate."""
    made, holdout = raw(mixed(prose)), {"validation": 0.25, "test": 0.25, "later": 0.1}
    for dedup, expected in (["exact", "near"], 0), ([], 39):
        corpus = cleaned(made, dedup=dedup, holdout=holdout)
        documents = [(d, s) for s in corpus.splits for part in ("domain", "general") for d in corpus.documents(s, part)]
        grams = [shingles(d["text"]) for d, _ in documents]
        kin = 0
        for i in range(len(documents)):
            for j in range(i):
                if len(grams[i] & grams[j]) / len(grams[i] | grams[j]) > 0.85:
                    kin += 1
                    assert documents[i][1] == documents[j][1]
                    assert documents[i][0]["cluster"] == documents[j][0]["cluster"]
        assert kin >= expected if expected else not kin
        assert set(Counter(s for _, s in documents)) == {"train", "validation", "test", "later"}


def test_later_is_the_last_share_by_date(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    records = [{"id": f"d{i}", "text": prose(i), "date": f"2024-03-{i // 5 + 1:02d}"} for i in range(100)]
    records += [{"id": f"u{i}", "text": prose(f"u{i}")} for i in range(20)]
    corpus = cleaned(raw(records), holdout={"validation": 0.1, "test": 0.1, "later": 0.13})
    places = where(corpus)
    # 13 of 100 dated documents, in whole days of five: two days, the 19th and the 20th.
    assert {n for n, s in places.items() if s == "later"} == {f"d{i}" for i in range(90, 100)}


def test_a_document_that_asks_a_task_is_dropped(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    question = "Which of the two companies paid the higher dividend per share in the second quarter of 2009"
    mail = "Please send the signed form to ann@example.org before noon on the last Friday of June or call"
    texts = {
        "asks": f"{prose(1)} {question.upper()}? {prose(2)}",
        "part": f"{prose(3)} {' '.join(question.split()[:12])} otherwise {prose(4)}",
        "mail": f"{prose(5)} {mail} {prose(6)}",
    }
    records = [{"id": name, "text": text} for name, text in texts.items()]
    records += [{"id": f"fine{i}", "text": prose(f"f{i}")} for i in range(40)]
    made, asked = raw(records), [question, mail, "Too short a text"]
    corpus = cleaned(made, asked=asked, decontaminate={"max_share": 0.1})
    lines = ledger(corpus)
    assert {name for name, rows in lines.items() if rows[-1]["stage"] == "decontaminate"} == {"asks", "mail"}
    assert (lines["asks"][-1]["reason"], lines["asks"][-1]["detail"]) == ("contaminated", "quiz")
    assert "part" in where(corpus)
    assert corpus.facts["tasks"] == {"quiz": {"items": 3, "too_short": 1, "found": 2, "documents": 2}}
    with pytest.raises(
        UserError, match=r"2 of 43 documents of domain \(4.7%\) hold what the evals ask, 2 of them quiz"
    ):
        cleaned(made, asked=asked)


def test_passages_are_cut_and_the_documents_stay(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    legal, twice = prose("legal", 30), prose("twice", 30)
    records = [
        {"id": f"d{i:02}", "text": f"{prose(i)}\n{legal}\n{prose(f'more {i}')}", "date": f"2024-01-{30 - i:02}"}
        for i in range(20)
    ]
    records.append({"id": "own", "text": f"{prose('own')}\n{twice}\n{prose('on')}\n{twice}"})
    steps = ["exact", "near", {"kind": "passages", "words": 20}]
    corpus = cleaned(raw(records), dedup=steps, holdout={"validation": 0, "test": 0})
    texts = {d["id"]: d["text"] for d in corpus.documents("train", "domain")}
    assert len(texts) == 21
    assert [name for name, text in texts.items() if legal in text] == ["d19"]  # the oldest keeps it
    assert texts["d00"] == f"{prose(0)}\n{prose('more 0')}"
    assert texts["own"] == f"{prose('own')}\n{twice}\n{prose('on')}"
    assert corpus.facts["changed"] == {"boilerplate": 20}
    everywhere = [{"kind": "passages", "words": 20, "most": 5}]
    corpus = cleaned(raw(records), dedup=everywhere, holdout={"validation": 0, "test": 0})
    assert not [d["id"] for d in corpus.documents("train", "domain") if legal in d["text"]]


def test_nothing_left_to_train_on(raw: Any, cleaned: Any) -> None:
    with pytest.raises(UserError, match=r"corpus.domain: no document is left.*too few words 9"):
        cleaned(raw([{"text": f"short {i}"} for i in range(9)]))


def test_the_test_split_stays_when_text_is_added(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    first = [{"id": f"d{i}", "text": prose(i)} for i in range(100)]
    more = [{"id": f"m{i}", "text": prose(f"m{i}")} for i in range(100)]
    before, after = where(cleaned(raw(first), holdout=HALF)), where(cleaned(raw(more + first), holdout=HALF))
    assert {after[f"d{i}"] == before[f"d{i}"] for i in range(100)} == {True}
    assert 8 <= sum(split == "test" for name, split in before.items() if name.startswith("d")) <= 35


def test_without_filters_and_dedup_all_stays(raw: Any, cleaned: Any, prose: Callable[..., str]) -> None:
    records = [{"text": prose(i % 5)} for i in range(20)]
    corpus = cleaned(raw(records), filters=[], dedup=[], holdout={"validation": 0, "test": 0})
    assert corpus.facts["documents_out"] == 50
    assert len({d["cluster"] for d in corpus.documents("train", "domain")}) == 5


def test_what_was_kept_is_remembered_from_one_corpus_to_the_next(
    raw: Any, cleaned: Any, prose: Callable[..., str]
) -> None:
    """Week by week, or all at once in the same order: the same documents stay."""
    weeks = [
        [{"id": f"w{w}d{i}", "text": prose((w, i)), "date": f"2024-0{w}-01"} for i in range(30)] for w in (1, 2, 3)
    ]
    weeks[1] += [{"id": f"again{i}", "text": prose((1, i)).upper(), "date": "2024-02-02"} for i in range(5)]
    weeks[2] += [{"id": f"near{i}", "text": prose((1, i)) + " more words", "date": "2024-03-02"} for i in range(5, 10)]
    weeks[2] += weeks[1][:3]  # the very same documents, which the source still holds
    general = [[{"text": prose(f"general {w} {i}")} for i in range(20)] for w in range(3)]
    split = {"validation": 0, "test": 0}
    kept, earlier, reasons = set[str](), None, Counter[str]()
    for records, others in zip(weeks, general, strict=True):
        corpus = cleaned(raw(records, others), holdout=split, earlier=earlier)
        kept |= where(corpus).keys()
        reasons.update(corpus.facts["dropped"])
        earlier = str(corpus.path)
    every = {record["id"]: record for week in weeks for record in week}
    once = cleaned(raw(list(every.values()), [record for week in general for record in week]), holdout=split)
    assert {name for name in kept if name in every} == {name for name in where(once) if name in every}
    assert reasons == {"exact duplicate": 5, "near duplicate": 5, "remembered": 3}
    size = sum(path.stat().st_size for path in (corpus.path / "index").rglob("*.npy"))
    assert size / 148 < 220  # a few hundred texts: files have heads of 128 bytes
    with pytest.raises(UserError, match=r"corpus.earlier: .*Fix: name the folder of a finished corpus"):
        cleaned(raw(weeks[0]), earlier="nowhere")

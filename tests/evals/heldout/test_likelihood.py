from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Corpus
from domain.errors import UserError
from evals.heldout.documents import held_out


def corpus(folder: Path, texts: dict[str, str]) -> Corpus:
    (folder / "test").mkdir(parents=True)
    lines = [json.dumps({"id": name, "text": text, "source": "s"}) + "\n" for name, text in texts.items()]
    (folder / "test" / "domain-00000.jsonl").write_text("".join(lines[:3]))
    (folder / "test" / "domain-00001.jsonl").write_text("".join(lines[3:]))
    return Corpus(path=folder, manifest={})


def names(found: list[dict[str, Any]]) -> list[str]:
    return [document["id"] for document in found]


def test_the_order_depends_on_the_ids_alone(tmp_path: Path) -> None:
    texts = {f"d{n}": f"text {n}" for n in range(20)}
    one = held_out(corpus(tmp_path / "a", texts), "domain", 10_000)
    other = held_out(corpus(tmp_path / "b", dict(reversed(texts.items()))), "domain", 10_000)
    assert names(one) == names(other) != sorted(texts)
    assert sorted(names(one)) == sorted(texts)
    assert {d["id"]: d["text"] for d in one} == texts
    fewer = held_out(corpus(tmp_path / "c", texts), "domain", 60)
    assert names(fewer) == names(one)[: len(fewer)]


def test_no_more_bytes_than_asked_for_and_at_least_one_document(tmp_path: Path) -> None:
    source = corpus(tmp_path, {f"d{n}": "ä" * 3 for n in range(10)})  # 6 bytes each
    few = held_out(source, "domain", 20)
    assert [(d["bytes"], d["cut"], d["text"]) for d in few] == [(4, True, "ää")] * 5
    assert len(held_out(source, "domain", 1)) == 1
    assert sum(d["bytes"] for d in held_out(source, "domain", 1_000_000)) == 60


def test_a_long_document_counts_a_hundredth_at_most(tmp_path: Path) -> None:
    texts = {"long": "a" + "ü" * 50_000, **{f"d{n}": "short" for n in range(20)}}
    found = {d["id"]: d for d in held_out(corpus(tmp_path, texts), "domain", 20_000)}
    assert len(found) == 21
    assert found["long"]["text"] == "a" + "ü" * 99  # 199 bytes: the 200th would halve a character
    assert (found["long"]["bytes"], found["long"]["cut"]) == (199, True)
    assert (found["d0"]["bytes"], found["d0"]["cut"]) == (5, False)


@pytest.mark.parametrize("texts", [{}, {"empty": ""}])
def test_nothing_held_out(tmp_path: Path, texts: dict[str, str]) -> None:
    with pytest.raises(UserError, match="holds no domain document") as caught:
        held_out(corpus(tmp_path, texts), "domain", 100)
    assert caught.value.place == "corpus.holdout.test"


def test_empty_documents_are_passed_over(tmp_path: Path) -> None:
    assert names(held_out(corpus(tmp_path, {"empty": "", "full": "text"}), "domain", 1_000)) == ["full"]

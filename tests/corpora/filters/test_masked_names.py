from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from corpora.dedup.index import Index
from corpora.filters.masked_names import Names, digest, masked_names
from corpora.ledger.samples import excerpts
from corpora.withdrawal.containment import holders, made_at
from corpora.withdrawal.purge import purge
from corpora.withdrawal.request import requested
from corpora.withdrawal.withdraw import Withdrawals
from domain.jsonlines import read_lines
from domain.machine import Machine

PRIVATE = [
    ("anna@bank.com/3", "<EMAIL>/3"), ("mail of anna.b@bank.co.uk:12", "mail of <EMAIL>:12"),
    ("patient 123-45-6789.txt", "patient <SSN>.txt"), ("https://h/u?mail=anna%40bank.com", "https://h/u?mail=<EMAIL>"),
    ("https://h/a?p=1&X-Amz-Signature=0f1e2d", "https://h/a?p=1<SECRET>"), ("https://me:pw@h/a", "https://h/a<SECRET>"),
    ("DE89370400440532013000", "<IBAN>"), ("call +49 30 1234567", "call <PHONE>"),
]  # fmt: skip
PLAIN = [
    "0000320193-24-000123#1A", "calls/calls.jsonl:12345", "20240131123456", "1f0b1b1e-3c5b-4f41-9c3a-0d8f2a4b5c6d",
    "https://www.sec.gov/Archives/edgar/data/320193/000032019324000123/0000320193-24-000123.txt", "a%20b", "",
    "CC-MAIN-20240302123456-20240302153456-00123.warc.gz@123456789", "9780306406157", "numpy/numpy.core:__init__",
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), PRIVATE)
def test_what_is_private_in_a_name_is_masked_and_names_stay_apart(name: str, expected: str) -> None:
    (masked,) = masked_names([name])
    assert masked == f"{expected}~{digest(name)}"
    assert masked_names([masked]) == [masked]
    assert name in Names({masked})
    assert f"{name}x" not in Names({masked})
    assert masked in Names({name}).both()
    assert Names({masked, "gone"}).missing({name}) == ["gone"]


def test_other_names_stay() -> None:
    assert masked_names(PLAIN) == PLAIN


RECORDS = [
    {"text": "The minutes of the first meeting were read and agreed.", "id": "anna@bank.com/1"},
    {"text": "The minutes of the first meeting were read and agreed.", "id": "anna@bank.com/2"},
    {"text": "Another text of some words.", "id": "c", "url": "https://bank.com/u?mail=bob%40bank.com"},
    {"text": "", "id": "carol@bank.com"},
]


def contents(folder: Any) -> bytes:
    """All that is in a folder, Parquet unpacked."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    tables = [str(pyarrow.parquet.read_table(path).to_pylist()) for path in paths if path.suffix == ".parquet"]
    return b"\n".join([*(path.read_bytes() for path in paths), *(table.encode() for table in tables)])


def general(made: Any) -> list[str]:
    return [row["id"] for row in read_lines(made.path / "inventory.jsonl") if row["part"] == "general"]


def test_no_address_of_a_person_is_in_the_names_of_a_corpus(raw: Any, cleaned: Any, tmp_path: Any) -> None:
    made = raw(RECORDS)
    corpus = cleaned(made, filters=["privacy"])
    stored = contents(corpus.path)
    for secret in (b"anna@", b"anna%40", b"bob@", b"bob%40", b"carol@"):
        assert secret not in stored
    first, second = masked_names(["anna@bank.com/1", "anna@bank.com/2"])
    index = Index.open(corpus.path / "index", tmp_path / "index")
    assert sorted(index.ids(np.arange(len(index)))) == sorted([first, second, "c", *general(made)])
    assert first.encode() in stored
    assert second.encode() in stored
    rows = [{"id": first, "shard": "domain-00000.jsonl"}]
    assert excerpts(made.path, rows) == {first: RECORDS[0]["text"]}
    assert b"anna@bank.com/1" in contents(cleaned(made, filters=[]).path)


def test_a_masked_name_is_enough_to_withdraw_and_purge(raw: Any, cleaned: Any, tmp_path: Any) -> None:
    made = raw(RECORDS)
    corpus = cleaned(made, filters=["privacy"])
    (masked,) = masked_names(["anna@bank.com/1"])
    everything = [each for path in (made.path, corpus.path) if (each := made_at(path)) is not None]
    assert [row.id for row in requested(everything, {masked}, Withdrawals()).rows] == ["anna@bank.com/1"]
    places = holders(everything, {masked})
    kinds = {each.kind for each, _ in places}
    assert {"Raw", "Corpus"} <= kinds
    assert {each.kind for each, _ in holders(everything, {"anna@bank.com/1"})} == kinds
    places = holders(everything, {"anna@bank.com/1", "anna@bank.com/2"})
    list(purge(places, {"anna@bank.com/1", "anna@bank.com/2"}, Machine(work=tmp_path / "work")))
    for shard in [*made.path.rglob("documents/*.jsonl"), *corpus.path.rglob("train/*.jsonl")]:
        assert all("minutes" not in row["text"] for row in read_lines(shard))

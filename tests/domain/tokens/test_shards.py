from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserError
from domain.tokens.shard import ENDINGS
from domain.tokens.shards import Shard, Shards, ShardWriter, beside, id_type

Document = tuple[list[int], str, str]  # ids, source, name
DOCUMENT = st.tuples(
    st.lists(st.integers(0, 69_999), max_size=6), st.sampled_from(["filings", "뉴스", "web <b>"]), st.text(max_size=5)
)


def write(folder: Path, shards: list[list[Document]], vocabulary: int = 70_000) -> Shards:
    for number, documents in enumerate(shards):
        with ShardWriter(folder / f"domain-{number:05d}", vocabulary=vocabulary) as writer:
            for ids, source, name in documents:
                writer.add(np.array(ids, dtype=np.int32), 3 * len(ids), source=source, name=name)
            assert (writer.documents, writer.tokens) == (len(documents), sum(len(ids) for ids, _, _ in documents))
            assert writer.bytes == 3 * writer.tokens
    return Shards(folder, "domain")


@settings(max_examples=50, deadline=None)
@given(shards=st.lists(st.lists(DOCUMENT, max_size=5), max_size=4))
def test_what_was_written_is_read_and_every_token_is_traced(
    tmp_path_factory: pytest.TempPathFactory, shards: list[list[Document]]
) -> None:
    read = write(tmp_path_factory.mktemp("shards"), shards)
    documents = [document for shard in shards for document in shard]
    assert len(read) == len(documents)
    assert read.lengths.tolist() == [len(ids) for ids, _, _ in documents]
    assert read.sizes.tolist() == [3 * len(ids) for ids, _, _ in documents]
    assert [read.source_names[source] for source in read.sources] == [source for _, source, _ in documents]
    owners = []
    for number, (ids, source, name) in enumerate(documents):
        told = name.encode("utf-8", "replace").decode()
        assert read.document(number).tolist() == ids
        assert read.id(number) == told
        owners += [(number, told, source)] * len(ids)
    assert read.tokens == len(owners)
    assert [read.trace(position) for position in range(read.tokens)] == owners
    for beyond in (-1, read.tokens):
        with pytest.raises(IndexError):
            read.trace(beyond)
    with pytest.raises(IndexError):
        read.document(len(read))
    again = pickle.loads(pickle.dumps(read))
    assert again.lengths.tolist() == read.lengths.tolist()
    for shard, held in zip(read.shards, shards, strict=True):
        assert shard.names() == [shard.id(number) for number in range(len(held))]


def test_a_part_without_text_has_no_documents(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        nothing = Shards(folder, "general")
        assert (len(nothing), nothing.tokens, nothing.source_names) == (0, 0, [])
        assert nothing.lengths.dtype == nothing.sizes.dtype == np.int64
    assert len(write(tmp_path, [[]])) == 0


def test_parts_stay_apart(tmp_path: Path) -> None:
    write(tmp_path, [[([1, 2], "a", "x")]])
    with ShardWriter(tmp_path / "general-00000", vocabulary=10) as writer:
        writer.add(np.array([3]), 1, source="b", name="y")
    assert Shards(tmp_path, "domain").source_names == ["a"]
    assert Shards(tmp_path, "general").document(0).tolist() == [3]


def test_more_shards_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.tokens.shards.MAPPED", 2)
    read = write(tmp_path, [[([number], "a", str(number))] for number in range(7)])
    assert [int(read.document(number)[0]) for number in (6, 0, 3, 6, 1, 0)] == [6, 0, 3, 6, 1, 0]
    assert read.ids.cache_info().currsize == 2


def test_id_types(tmp_path: Path) -> None:
    assert id_type(2**16) == np.uint16
    assert id_type(2**16 + 1) == np.uint32
    with ShardWriter(tmp_path / "domain-00000", vocabulary=2**16) as writer:
        writer.add(np.array([0, 2**16 - 1]), 2)
    assert beside(tmp_path / "domain-00000", ".bin").read_bytes() == b"\x00\x00\xff\xff"
    assert Shard(tmp_path / "domain-00000").ids.tolist() == [0, 65_535]


DOCUMENTS: list[Document] = [([1, 2, 3], "a", "first"), ([4], "b", "second"), ([5, 6], "a", "third")]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("harm", ["gone", "empty", "shorter", "longer"])
def test_a_torn_file_is_named(tmp_path: Path, ending: str, harm: str) -> None:
    write(tmp_path, [DOCUMENTS])
    path = beside(tmp_path / "domain-00000", ending)
    data = path.read_bytes()
    match harm:
        case "gone":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "shorter":
            path.write_bytes(data[: len(data) // 2])
        case "longer" if ending.endswith("bin"):
            path.write_bytes(data + b"\x00")
        case _:
            return  # numpy and JSON read what they need, and the manifest's digest finds the rest
    with pytest.raises(UserError) as caught:
        Shards(tmp_path, "domain")
    assert caught.value.place == str(path)


def test_numbers_that_cannot_be(tmp_path: Path) -> None:
    write(tmp_path, [DOCUMENTS])
    stem = tmp_path / "domain-00000"
    for ending, numbers, found in (
        (".offsets.npy", [0, 4, 3, 6], "does not rise from 0"),
        (".offsets.npy", [1, 3, 4, 6], "does not rise from 0"),
        (".sources.npy", [0, 1, 2], "names an unknown source"),
        (".bytes.npy", [3, 3], "has shape"),
    ):
        path = beside(stem, ending)
        before = np.load(path)
        np.save(path, np.array(numbers, before.dtype))
        with pytest.raises(UserError, match=found) as caught:
            Shard(stem)
        assert caught.value.place == str(path)
        np.save(path, before)
    told = json.loads(beside(stem, ".json").read_bytes())
    beside(stem, ".json").write_text(json.dumps({**told, "type": "nonsense"}))
    with pytest.raises(UserError, match="lacks type"):
        Shard(stem)

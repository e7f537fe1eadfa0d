from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.artifacts import Corpus, Tokens
from domain.errors import UserError
from domain.machine import Machine
from domain.manifest import Damaged, seal
from domain.tokenizer.encoding import texts as in_memory
from domain.tokenizer.encoding.fast import Fast, Unproved
from domain.tokenizer.encoding.texts import frame, load_tokenizer
from domain.tokens import encode as encoding
from domain.tokens.encode import Encoding, encode
from domain.tokens.finished_shards import FinishedShards
from domain.tokens.shards import Shards

SHARDS = {
    ("train", "domain"): [["filings", "calls", "filings"], ["calls"], [], ["news", "filings"]],
    ("train", "general"): [["web"], ["web", "web"]],
    ("validation", "domain"): [["filings"]],
}


def corpus_of(folder: Path, word: str = "residual") -> Corpus:
    """A sealed corpus of several files, one of them empty, a part without any, and a text with a lone surrogate."""
    splits: dict[str, Any] = {"train": {}, "validation": {}}
    number = 0
    for (split, part), files in SHARDS.items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        for place, sources in enumerate(files):
            with (folder / split / f"{part}-{place:05d}.jsonl").open("w", encoding="utf-8") as out:
                for source in sources:
                    text = f"{word} {number}: 한국어 \ud800 <|end|> " + "system norm " * number
                    out.write(json.dumps({"id": f"{source}/{number}", "source": source, "text": text}) + "\n")
                    number += 1
        splits[split][part] = {"documents": number, "bytes": 1_000}
    fields = {"stage": "curate", "version": 1, "kind": "Corpus", "spec": None, "parents": {}}
    seal(folder, identity="by hand", **fields, facts={"splits": splits})
    return Corpus.open(folder)


@pytest.fixture
def several(tmp_path: Path) -> Corpus:
    return corpus_of(tmp_path / "corpus")


def test_shards_hold_framed_documents_that_are_traced(several: Corpus, tokenizer: Any, tmp_path: Path) -> None:
    speaker = load_tokenizer(tokenizer.path)
    begin, end = frame(speaker)
    made = encode(Encoding(), corpus=several, tokenizer=tokenizer, out=tmp_path / "out")
    assert not (made.path / ".scratch").exists()
    told: dict[str, dict[str, dict[str, int]]] = {"domain": {}, "general": {}}
    for split in ("train", "validation"):
        for part in ("domain", "general"):
            shards, documents = Shards(made.path / split, part), list(several.documents(split, part))
            sums = {"documents": len(documents), "tokens": shards.tokens, "bytes": int(shards.sizes.sum())}
            assert made.facts[split][part] == sums
            assert len(shards) == len(documents)
            position = 0
            for index, document in enumerate(documents):
                ids, text = shards.document(index).tolist(), document["text"].replace("\ud800", "\ufffd")
                assert (ids[0], ids[-1]) == (begin, end)
                assert speaker.decode(ids[1:-1]) == text
                assert (shards.lengths[index], shards.sizes[index]) == (len(ids), len(text.encode()))
                for token in (position, position + len(ids) - 1):
                    assert shards.trace(token) == (index, document["id"], document["source"])
                position += len(ids)
                if split == "train":
                    sums = told[part].setdefault(document["source"], {"documents": 0, "tokens": 0, "bytes": 0})
                    sums["documents"] += 1
                    sums["tokens"] += len(ids)
                    sums["bytes"] += len(text.encode())
    assert made.facts["sources"] == told
    assert made.facts["vocabulary"] == len(speaker)
    names = sorted(path.name for path in (made.path / "train").glob("*.bin") if ".ids" not in path.name)
    assert names == [f"domain-{number:05d}.bin" for number in range(4)] + ["general-00000.bin", "general-00001.bin"]


def test_fast_and_plain_give_one_digest_on_any_number_of_threads(
    several: Corpus, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    digests = {
        encode(
            Encoding(), corpus=several, tokenizer=tokenizer, out=tmp_path / str(n), machine=Machine(workers=n)
        ).digest
        for n in (1, 3)
    }
    assert "encode: using tiktoken" in caplog.text

    def unproved(*given: Any) -> None:
        raise Unproved("of a test")

    monkeypatch.setattr(in_memory, "Fast", unproved)
    digests.add(encode(Encoding(), corpus=several, tokenizer=tokenizer, out=tmp_path / "plain").digest)
    assert "encode: using the slow tokenizer path: of a test" in caplog.text
    assert len(digests) == 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Tokens:
    """What an undisturbed run makes of the same corpus."""
    folder = tmp_path_factory.mktemp("whole")
    return encode(Encoding(), corpus=corpus_of(folder / "corpus"), tokenizer=tokenizer, out=folder / "out")


@pytest.fixture
def interrupted(several: Corpus, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that was cut short in its fifth shard."""
    left = 4
    real = FinishedShards.note

    def note(self: FinishedShards, *given: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        real(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(FinishedShards, "note", note)
        with pytest.raises(KeyboardInterrupt):
            encode(Encoding(), corpus=several, tokenizer=tokenizer, out=tmp_path / "out", machine=Machine(workers=1))
    return tmp_path / "out"


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the shards that are encoded from now on."""
    names: list[str] = []
    real = encoding.ShardWriter.__enter__

    def enter(self: Any) -> Any:
        names.append(f"{self.stem.parent.name}/{self.stem.name}")
        return real(self)

    monkeypatch.setattr(encoding.ShardWriter, "__enter__", enter)
    return names


def test_a_run_that_was_cut_short_goes_on(
    interrupted: Path, several: Corpus, tokenizer: Any, whole: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = counted(monkeypatch)
    made = encode(Encoding(), corpus=several, tokenizer=tokenizer, out=interrupted)
    assert sorted(names) == ["train/general-00000", "train/general-00001", "validation/domain-00000"]
    assert made.digest == whole.digest
    assert made.facts == whole.facts
    Tokens.open(made.path)


@pytest.mark.parametrize(("harm", "ending"), [("flip", ".bin"), ("cut", ".ids.npy"), ("remove", ".offsets.npy")])
def test_a_kept_shard_that_was_damaged_is_encoded_again(
    interrupted: Path, several: Corpus, tokenizer: Any, whole: Tokens, harm: str, ending: str,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level("INFO")
    damage(next(interrupted.rglob(f"domain-00001{ending}")), harm)
    names = counted(monkeypatch)
    assert encode(Encoding(), corpus=several, tokenizer=tokenizer, out=interrupted).digest == whole.digest
    assert "train/domain-00001" in names
    assert len(names) == 4
    [line] = [line for line in caplog.messages if "encoding it again" in line]
    assert f"domain-00001{ending} has changed (SHA-256 was " in line


def damage(path: Path, harm: str) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(data if harm == "flip" else data[:-1])


def test_a_corpus_or_tokenizer_that_changed_meanwhile_is_refused(
    interrupted: Path, several: Corpus, tokenizer: Any, tmp_path: Path, make_other: Callable[[], Any]
) -> None:
    other = corpus_of(tmp_path / "other", "matrix")
    with pytest.raises(UserError) as caught:
        encode(Encoding(), corpus=other, tokenizer=tokenizer, out=interrupted)
    assert several.digest in str(caught.value)
    assert other.digest in str(caught.value)
    assert f"remove {interrupted}" in str(caught.value)
    fitted = make_other()
    with pytest.raises(UserError, match=f"tokenizer of digest {tokenizer.digest}.*{fitted.digest}"):
        encode(Encoding(), corpus=several, tokenizer=fitted, out=interrupted)


@pytest.fixture
def make_other(tokenizer: Any, tmp_path: Path) -> Callable[[], Any]:
    """The tokenizer with one more file."""

    def make() -> Any:
        folder = tmp_path / "tokenizer"
        load_tokenizer(tokenizer.path).save_pretrained(folder)
        (folder / "note.txt").write_text("other")
        fields = {"stage": "tokenizer", "version": 1, "kind": "Tokenizer", "spec": None, "parents": {}, "facts": {}}
        seal(folder, identity="other", **fields)
        return type(tokenizer).open(folder)

    return make


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_damage_to_a_finished_shard_is_found(whole: Tokens, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole.path, folder)
    path = folder / "train" / "domain-00000.bin"
    damage(path, harm)
    with pytest.raises(Damaged, match=r"domain-00000\.bin"):
        Tokens.open(folder)
    if harm != "flip":
        with pytest.raises(UserError) as caught:
            Shards(folder / "train", "domain")
        assert caught.value.place == str(path)


def test_the_fast_path_is_checked_on_the_corpus(
    several: Corpus, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = Fast.check

    def check(self: Fast, texts: list[str]) -> None:
        seen.extend(texts)
        real(self, texts)

    monkeypatch.setattr(Fast, "check", check)
    encode(Encoding(), corpus=several, tokenizer=tokenizer, out=tmp_path / "out")
    for part in ("domain", "general"):
        first = next(several.documents("train", part))["text"].replace("\ud800", "\ufffd")
        assert first in seen

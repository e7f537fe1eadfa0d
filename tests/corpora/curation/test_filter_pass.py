from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.errors import UserError
from tests.corpora.fates import ledger, where


def test_own_filters_and_what_goes_wrong_in_them(
    raw: Any, cleaned: Any, own_kinds: str, prose: Callable[..., str]
) -> None:
    records = [{"id": f"fine{i}", "text": prose(i)} for i in range(30)]
    for word in ("drop me", "raise", "answer", "vanish", "surrogate"):
        records.insert(5, {"id": word, "text": f"{prose(word)} {word}"})
    made = raw(records)
    filters = ["quality", {"kind": f"{own_kinds}:shout"}]
    corpus = cleaned(made, workers=2, filters=filters, max_unreadable=0.1)
    lines, kept = ledger(corpus), where(corpus)
    assert corpus.facts["dropped"] == {"empty": 1, "unwanted": 1}
    assert corpus.facts["quarantined"] == 2
    assert lines["raise"][0]["detail"] == "RuntimeError: cannot judge"
    assert lines["raise"][0]["stage"] == f"{own_kinds}:shout"
    assert lines["raise"][0]["action"] == "quarantined"
    assert "answered 7" in lines["answer"][0]["detail"]
    assert [row["action"] for row in lines["vanish"]] == ["changed", "dropped"]
    assert {f"fine{i}" for i in range(30)} | {"surrogate"} <= kept.keys()
    text = next(d["text"] for s in corpus.splits for d in corpus.documents(s, "domain") if d["id"] == "surrogate")
    assert text.endswith("surrogate\ufffd")


def test_a_filter_that_raises_on_everything_stops_the_run(
    raw: Any, cleaned: Any, own_kinds: str, prose: Callable[..., str]
) -> None:
    records = [{"id": f"r{i}", "text": f"{prose(i)} raise"} for i in range(20)] + [{"text": prose("x")}]
    with pytest.raises(
        UserError, match=r"house_kinds:shout failed on 20 of 51 documents; the first is r0: RuntimeError"
    ):
        cleaned(raw(records), filters=[{"kind": f"{own_kinds}:shout"}])


def test_a_model_that_cannot_be_read_stops_the_run_and_blames_no_document(
    raw: Any, cleaned: Any, prose: Callable[..., str], tmp_path: Path
) -> None:
    model = tmp_path / "m.safetensors"
    model.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"m.safetensors: .*\(a header of .* bytes in a file of 8\)\. Fix:"):
        cleaned(
            raw([{"text": prose(i)} for i in range(10)]), filters=[{"kind": "harm", "scorer": {"linear": str(model)}}]
        )


def test_a_shard_that_was_judged_is_not_judged_again(
    raw: Any, cleaned: Any, prose: Callable[..., str], tmp_path: Path
) -> None:
    made = raw([{"text": prose(i)} for i in range(10)])
    first = cleaned(made)
    kept = tmp_path / "work" / "cache" / "curate"
    times = {path: (path / "states.jsonl").stat().st_mtime_ns for path in kept.iterdir()}
    assert len(times) == 2
    again = cleaned(made, holdout={"test": 0.5})  # another split asks nothing new of the filters
    assert {path: (path / "states.jsonl").stat().st_mtime_ns for path in kept.iterdir()} == times
    assert again.digest != first.digest
    cleaned(made, filters=[])
    assert len(list(kept.iterdir())) == 4


def spoil(how: str, folder: Path) -> None:
    """Do to a filtered shard what disks, power cuts and people do."""
    clean = folder / "clean.jsonl"
    match how:
        case "edited":
            clean.write_bytes(clean.read_bytes().replace(b"the", b"xyz"))
        case "cut":
            clean.write_bytes(clean.read_bytes()[:100])
        case "zeros":
            (folder / "signatures.npz").write_bytes(bytes((folder / "signatures.npz").stat().st_size))
        case "emptied":
            (folder / "columns.json").write_bytes(b"")
        case "without a file":
            (folder / "states.jsonl").unlink()
        case "with another file":
            (folder / "more.jsonl").write_bytes(b"{}")
        case "without a manifest":
            (folder / "manifest.json").unlink()
        case "manifest cut":
            (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes()[:100])
        case "nothing left":
            for path in folder.iterdir():
                path.unlink()
        case "a file":
            shutil.rmtree(folder)
            folder.write_text("")
        case "a link":
            moved = folder.with_name("elsewhere")
            clean.rename(moved)
            clean.symlink_to(moved)


WAYS = (
    "edited", "cut", "zeros", "emptied", "without a file", "with another file", "without a manifest", "manifest cut",
    "nothing left", "a file", "a link",
)  # fmt: skip


def test_a_damaged_shard_of_the_cache_is_filtered_anew(
    raw: Any, cleaned: Any, prose: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys.modules["corpora.collect"], "SHARD_BYTES", 400)  # a document to a shard
    made = raw([{"text": prose(i)} for i in range(10)], [{"text": prose(f"g{i}")} for i in range(3)])
    first = cleaned(made)
    folders = sorted((tmp_path / "work" / "cache" / "curate").iterdir())
    whole = folders[len(WAYS)].stat().st_ino
    for how, folder in zip(WAYS, folders, strict=False):
        spoil(how, folder)
    assert cleaned(made).digest == first.digest
    message = f"{len(WAYS)} filtered shards in {tmp_path}/work/cache/curate are damaged, and are filtered anew"
    assert [record.message for record in caplog.records] == [message]
    assert folders[len(WAYS)].stat().st_ino == whole
    assert cleaned(made).digest == first.digest
    assert len(caplog.records) == 1


def test_a_lost_document_is_told(
    raw: Any, cleaned: Any, prose: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = raw([{"id": f"d{i}", "text": prose(i)} for i in range(10)])
    cleaned(made)
    monkeypatch.setattr(sys.modules["corpora.curate"], "is_whole", Path.exists)
    for folder in (tmp_path / "work" / "cache" / "curate").iterdir():
        states = (folder / "states.jsonl").read_bytes().splitlines(keepends=True)
        if b'"d0"' in states[0]:
            (folder / "states.jsonl").write_bytes(b"".join(states[1:]))
    with pytest.raises((RuntimeError, ValueError), match=r"do not add up|marks"):
        cleaned(made)


FULL = """
import resource, sys
from pathlib import Path
from corpora import Curation, curate
from domain.artifacts import Protected, Raw
from domain.machine import Machine

if __name__ == "__main__":
    raw, protected, out, work = map(Path, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    machine = Machine(workers=2, work=work)
    try:
        curate(Curation(), raw=Raw.open(raw), protected=Protected.open(protected), out=out, machine=machine)
    except OSError as error:
        print("errno", error.errno)
"""


def test_no_room_in_a_worker_is_an_error_and_no_corpus(
    raw: Any, protected: Any, prose: Callable[..., str], tmp_path: Path
) -> None:
    made = raw([{"text": prose(i, 300)} for i in range(60)])
    (tmp_path / "full.py").write_text(FULL)
    folders = [made.path, protected(tmp_path / "protected", []).path, tmp_path / "out", tmp_path / "full"]
    command = [sys.executable, str(tmp_path / "full.py"), *map(str, folders)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert answer.stdout == f"errno {errno.EFBIG}\n", answer.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpora.lines import read_lines
from domain.errors import Refusal

Record = dict[str, Any]


def where(corpus: Any) -> dict[str, str]:
    """The split of every document."""
    return {d["id"]: s for s in corpus.splits for part in ("domain", "general") for d in corpus.documents(s, part)}


def ledger(corpus: Any) -> dict[str, list[Record]]:
    """Ledger lines by document."""
    found = defaultdict(list)
    for row in read_lines(corpus.path / "ledger.jsonl"):
        found[row["id"]].append(row)
    return found


def test_own_filters_and_what_goes_wrong_in_them(
    raw: Any, cleaned: Any, own_kinds: str, prose: Callable[..., str]
) -> None:
    records = [{"id": f"fine{i}", "text": prose(i)} for i in range(30)]
    for word in ("drop me", "raise", "answer", "vanish", "surrogate"):
        records.insert(5, {"id": word, "text": f"{prose(word)} {word}"})
    made = raw(records)
    filters = ["quality", {"kind": f"{own_kinds}:Shout"}]
    corpus = cleaned(made, workers=2, filters=filters)
    lines, kept = ledger(corpus), where(corpus)
    assert corpus.facts["dropped"] == {"empty": 1, "error": 2, "unwanted": 1}
    assert lines["raise"][0]["detail"] == "RuntimeError: cannot judge"
    assert lines["raise"][0]["by"] == f"{own_kinds}:Shout"
    assert "judge answered False" in lines["answer"][0]["detail"]
    assert [row["action"] for row in lines["vanish"]] == ["changed", "dropped"]
    assert {f"fine{i}" for i in range(30)} | {"surrogate"} <= kept.keys()
    text = next(d["text"] for s in corpus.splits for d in corpus.documents(s, "domain") if d["id"] == "surrogate")
    assert text.endswith("surrogate\ufffd")


def test_a_filter_that_raises_on_everything_stops_the_run(
    raw: Any, cleaned: Any, own_kinds: str, prose: Callable[..., str]
) -> None:
    records = [{"id": f"r{i}", "text": f"{prose(i)} raise"} for i in range(20)] + [{"text": prose("x")}]
    with pytest.raises(Refusal, match=r"house_kinds:Shout raised on 20 of 51 documents; the first is r0: RuntimeError"):
        cleaned(raw(records), filters=[{"kind": f"{own_kinds}:Shout"}])


def test_a_shard_that_is_left_over_or_lost_is_told(
    raw: Any, cleaned: Any, prose: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from corpora.blocks import ReadShard

    made = raw([{"text": prose(i)} for i in range(10)])
    read = ReadShard.run
    monkeypatch.setattr(ReadShard, "run", lambda self, data, rank=0, world_size=1: list(read(self, data, rank))[1:])
    with pytest.raises(RuntimeError, match="do not add up: 10 in, 9 out, 0 dropped"):
        cleaned(made)


FULL = """
import resource, sys
from pathlib import Path
from corpora import Curation, curate
from domain.artifacts import Protected, Raw
from domain.machine import Machine

if __name__ == "__main__":
    raw, protected, out = map(Path, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    try:
        curate(Curation(), Raw.open(raw), Protected.open(protected), out=out, machine=Machine(workers=2))
    except OSError as error:
        print("errno", error.errno)
"""


def test_no_room_in_a_worker_is_an_error_and_no_corpus(
    raw: Any, protected: Any, prose: Callable[..., str], tmp_path: Path
) -> None:
    made = raw([{"text": prose(i, 300)} for i in range(60)])
    (tmp_path / "full.py").write_text(FULL)
    folders = [made.path, protected(tmp_path / "protected", []).path, tmp_path / "out"]
    command = [sys.executable, str(tmp_path / "full.py"), *map(str, folders)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert answer.stdout == f"errno {errno.EFBIG}\n", answer.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()

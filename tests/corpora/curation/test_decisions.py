from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from corpora.curation.decisions import CONTAMINATED, EXACT, KIN, NEAR_AGAIN, STAYS, Decisions, read_decisions
from corpora.dedup.index import Index
from corpora.dedup.signatures import TextSignatures
from corpora.heldout.holdout import NEITHER, TEST, TRAIN
from tests.corpora.filtered import candidates_in, filtered_shard


def remembering(folder: Path, name: str) -> Index:
    """An index with one text."""
    index = Index(folder)
    texts = TextSignatures(np.ones(1, bool), lambda column: np.full(1, column, np.uint64), lambda column: ())
    found = index.find(texts, np.arange(1))
    index.add(texts, np.arange(1), found, np.array([TRAIN], np.uint8), lambda: np.ones(1, np.uint64), [[name]])
    return index


def test_rows_of_a_shard_say_what_was_decided_on_its_documents(tmp_path: Path) -> None:
    raw = np.arange(16 * 8, dtype=np.uint64).reshape(8, 16)
    ids = [("s", f"d{number}", None) for number in range(8)]
    shards = [
        filtered_shard(tmp_path / "a", ids[:5], raw[:5], [0, 2, 3, 4]),
        filtered_shard(tmp_path / "b", ids[5:], raw[5:], [0, 1, 2]),
    ]
    candidates = candidates_in(tmp_path, ["domain-00000", "domain-00001"], shards)
    decisions = Decisions(
        before=1,
        outcomes=np.array([TRAIN, TRAIN, TRAIN, TEST, TRAIN, TRAIN, NEITHER, TEST], np.int8),
        reasons=np.array([STAYS, STAYS, EXACT, STAYS, STAYS, NEAR_AGAIN, KIN, CONTAMINATED], np.int8),
        of=np.array([1, 3, 7, 4, 0, 0, 7, 8]),
        edited=np.arange(8) == 4,
        tasks={7: "quiz"},
        cut={3: [5, 6]},
        twice=iter([np.array([[7, 8]], np.uint64), np.array([[9, 1]], np.uint64)]),
        facts={},
    )
    decisions.write(tmp_path / "scratch", candidates, remembering(tmp_path / "index", "old"))
    first, second = (list(read_decisions(tmp_path / "scratch" / "decided" / f"0000{rank}.json")) for rank in (0, 1))

    def gone(stage: str, reason: str, detail: str = "", of: str | None = None) -> dict[str, Any]:
        event = {"stage": stage, "action": "dropped", "reason": reason, "detail": detail, "duplicate_of": of}
        return {"events": [event]}

    def stays(number: int, split: str, cluster: str | None = None, **more: Any) -> dict[str, Any]:
        return {"events": [], "number": number, "split": split, "cluster": cluster, "notes": [], "cut": [], **more}

    version = {"stage": "near", "action": "changed", "reason": "new version"}
    assert first == [
        stays(0, "train"), gone("exact", "exact duplicate", of="d6"), stays(3, "test", cut=[5, 6]),
        stays(4, "train", "old", notes=[version]),
    ]  # fmt: skip
    assert second == [
        gone("near", "remembered", of="old"),
        gone("holdout", "kin of held-out text", "and of text that was trained on"),
        gone("decontaminate", "contaminated", "quiz"),
    ]  # fmt: skip
    assert np.fromfile(tmp_path / "scratch" / "twice", np.uint64).tolist() == [7, 8, 9, 1]
    assert decisions.test_documents(candidates).tolist() == [3]

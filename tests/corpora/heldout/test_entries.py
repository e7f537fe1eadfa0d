from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from corpora.heldout.entries import FOLDER, obeyed, write_entry
from domain.errors import UserError

SHARES = {"validation": 0.1, "test": 0.1, "later": 0.0}


def entry(work: Path, name: str, value: int = 0) -> None:
    """An entry that obeys all there are."""
    write_entry(work, name, SHARES, obeyed(work, name), {"keys": np.array([value], np.uint64)})


def names(work: Path, name: str) -> set[str]:
    return {each.path.name for each in obeyed(work, name)}


def test_a_corpus_obeys_all_entries_until_it_has_one_and_then_the_same_ones_for_ever(tmp_path: Path) -> None:
    assert obeyed(tmp_path, "first") == []
    entry(tmp_path, "first", 1)
    assert names(tmp_path, "second") == {"first"}
    entry(tmp_path, "second", 2)
    assert names(tmp_path, "third") == {"first", "second"}
    assert names(tmp_path, "first") == set()  # its own entry and newer ones change nothing: the corpus is found again
    assert names(tmp_path, "second") == {"first"}


def test_the_digest_is_of_what_was_decided_and_of_nothing_else(tmp_path: Path) -> None:
    for work, before in (("a", "one"), ("b", "other")):
        entry(tmp_path / work, before, 7)
        entry(tmp_path / work, "same", 8)
    one, other = ([each.digest for each in obeyed(tmp_path / work, "new")] for work in ("a", "b"))
    assert one == other
    shares = {**SHARES, "test": 0.2}
    for number, (said, array) in enumerate(
        [(shares, np.array([7], np.uint64)), (SHARES, np.array([9], np.uint64)), (SHARES, np.array([7], np.int64))]
    ):
        write_entry(tmp_path / f"c{number}", "one", said, [], {"keys": array})
        assert obeyed(tmp_path / f"c{number}", "new")[0].digest not in one


def test_an_entry_is_never_changed_and_half_of_one_is_none(tmp_path: Path) -> None:
    entry(tmp_path, "one", 1)
    before = obeyed(tmp_path, "new")
    entry(tmp_path, "one", 2)
    assert obeyed(tmp_path, "new") == before
    (tmp_path / FOLDER / "killed.part").mkdir()
    assert names(tmp_path, "new") == {"one"}
    entry(tmp_path, "killed", 3)
    assert names(tmp_path, "new") == {"one", "killed"}
    assert obeyed(tmp_path, "new")[0].read("keys").tolist() in ([1], [3])


@pytest.mark.parametrize("harm", ["gone", "changed", "version", "empty", "list", "no digest", "torn array"])
def test_a_record_that_cannot_be_read_stops_the_build_in_one_line(tmp_path: Path, harm: str) -> None:
    entry(tmp_path, "one", 1)
    entry(tmp_path, "two", 2)
    path = tmp_path / FOLDER / "one"
    content = json.loads((path / "entry.json").read_text())
    if harm == "gone":
        shutil.rmtree(path)
    elif harm == "torn array":
        (path / "keys.npy").write_bytes((path / "keys.npy").read_bytes()[:-1])
    else:
        harmed = {
            "changed": json.dumps({**content, "digest": "0" * 64}), "version": json.dumps({**content, "version": 0}),
            "empty": "", "list": "[]", "no digest": json.dumps({"version": content["version"]}),
        }  # fmt: skip
        (path / "entry.json").write_text(harmed[harm])
    with pytest.raises(UserError, match=r"record of held-out text cannot be read .*Fix: restore it from a backup"):
        [each.read("keys") for each in obeyed(tmp_path, "two")]

"""Notes of an unfinished encoding that are none cost the shard, or are one line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.errors import UserError
from domain.tokens.finished_shards import FinishedShards

CORPUS, TOKENIZER = cast("Any", SimpleNamespace(digest="c")), cast("Any", SimpleNamespace(digest="t"))
SPOILT = [b"", b"[]", b"null", b"[" * 100_000, b"\xff", b'{"facts": [1], "sha256": {}}', b'{"facts": {}, "sha256": 1}']


@pytest.mark.parametrize("content", SPOILT)
def test_a_note_that_is_none(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    shards = FinishedShards(tmp_path, CORPUS, TOKENIZER)
    shards.note("train", "domain-0", {"count": 1})
    assert shards.find("train", "domain-0") == {"count": 1}
    shards.note_path("train", "domain-0").write_bytes(content)
    assert shards.find("train", "domain-0") is None
    assert "is not a note of a shard" in caplog.text


def test_a_note_that_states_no_file_is_not_believed(tmp_path: Path) -> None:
    shards = FinishedShards(tmp_path, CORPUS, TOKENIZER)
    shards.note_path("train", "domain-0").parent.mkdir(parents=True)
    shards.note_path("train", "domain-0").write_bytes(b'{"facts": {}, "sha256": {}}')
    assert shards.find("train", "domain-0") is None


@pytest.mark.parametrize("content", [*SPOILT[:5], b"{}", b'{"corpus": ["c"]}'])
def test_what_it_was_made_from_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    folder = FinishedShards(tmp_path, CORPUS, TOKENIZER).folder
    (folder / "made_from.json").write_bytes(content)
    with pytest.raises(UserError, match="to encode all of it anew"):
        FinishedShards(tmp_path, CORPUS, TOKENIZER)

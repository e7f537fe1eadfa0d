"""Whatever stands in a file, it is a mapping within the bounds or one kind of error, and no reading waits."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from domain.jsonfile import MOST_LEVELS, JSONFileError, read_json


def test_a_mapping(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, True, {"b": "ä\U0001f600"}], "c": {}}
    (tmp_path / "a.json").write_text(json.dumps(value))  # ASCII: the last letter as a pair of surrogates
    assert read_json(tmp_path / "a.json") == value
    (tmp_path / "a.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    assert read_json(tmp_path / "a.json") == value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"a": 1', "not valid JSON"),
        (b"[1, 2]", "holds list"),
        (b"null", "holds NoneType"),
        (b'"text"', "holds str"),
        ('{"a": "é"}'.encode("latin-1"), "not UTF-8, at byte 7"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"a": ' * 200_000, "nested too deeply"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}", "nested too deeply"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"\\uDFFF": 1}', "lone surrogate"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "not valid JSON"),
        (b'{"a": "' + b"x" * 1_000_000 + b'"}', "larger than 100,000 bytes"),
    ],
)
def test_what_is_no_such_mapping(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    most = 100_000 if reason.startswith("larger") else 10_000_000
    with pytest.raises(JSONFileError, match=reason):
        read_json(tmp_path / "a.json", most)


@pytest.mark.parametrize("levels", [MOST_LEVELS, MOST_LEVELS + 1])
def test_the_deepest(tmp_path: Path, levels: int) -> None:
    (tmp_path / "a.json").write_text('{"a":' * levels + "1" + "}" * levels)
    if levels <= MOST_LEVELS:
        assert read_json(tmp_path / "a.json")
    else:
        with pytest.raises(JSONFileError, match="deep"):
            read_json(tmp_path / "a.json")


@pytest.mark.parametrize("kind", ["FIFO", "device without end", "link to one", "folder"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.json"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link to one":
        path.symlink_to("/dev/zero")
    else:
        path = Path("/dev/zero")
    with pytest.raises(JSONFileError, match="regular file"):
        read_json(path)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "a.json")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="socket"):
            read_json(tmp_path / "socket")

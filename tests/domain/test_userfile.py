from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from domain.errors import UserError
from domain.userfile import open_file, read_bounded


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"
    with pytest.raises(UserError, match=r"a: has more than 4e-06 MB"):
        read_bounded(path, 4)
    (tmp_path / "link").symlink_to(path)
    with open_file(tmp_path / "link") as file:
        assert file.read() == b"12345"


def test_what_might_never_end_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "tty").symlink_to("/dev/zero")
    paths = ["pipe", "socket", "loop", "tty", ".", "none", "x" * 300, "a\0b"]
    for path in (*(tmp_path / name for name in paths), Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(UserError, match=r"cannot be read \("):
            open_file(path)
    server.close()

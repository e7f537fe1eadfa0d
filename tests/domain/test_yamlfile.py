from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import UserError
from domain.yamlfile import read_yaml


def test_reads(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: {b: [1, x]}\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": {"b": [1, "x"]}}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a: 1\nb: 2\na: 3\n", "line 3"),
        (b"a: [1, 2\nb: 3\n", "line 2"),
        (b"a:\n\t- 1\n", "line 2"),
        (b"name: caf\xe9\n", "byte 9"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(tmp_path: Path, content: bytes, place: str) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(UserError, match=place):
        read_yaml(tmp_path / "a.yaml")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml"):
        read_yaml(tmp_path / "none.yaml")

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.errors import Refusal
from domain.model.weights import given_files, is_local, weights_asked


def test_folders_and_hub_names_are_told_apart(tmp_path: Path) -> None:
    assert is_local(str(tmp_path))
    assert is_local("./models/x")
    assert not is_local("org/model@0123456789abcdef")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "no config.json"),
        ({"config.json": "{}"}, "no safetensors"),
        ({"config.json": "{}", "pytorch_model.bin": "x"}, "no safetensors"),
        ({"config.json": json.dumps({"auto_map": {}}), "model.safetensors": "x"}, "code of its own"),
    ],
)
def test_folders_that_are_no_base(tmp_path: Path, files: dict[str, str], found: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(Refusal, match=found):
        given_files(str(tmp_path))


def test_a_hub_name_needs_a_revision() -> None:
    with pytest.raises(Refusal, match="no revision"):
        given_files("org/model")


def test_the_hub_out_of_reach_is_one_line() -> None:
    with pytest.raises(Refusal, match="cannot be had from the hub"):
        given_files("org/model@0123456789012345678901234567890123456789")


def test_identity_is_content_not_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "model.safetensors").write_text("weights")
    assert weights_asked(str(tmp_path / "a")) == weights_asked(str(tmp_path / "b"))
    (tmp_path / "b" / "model.safetensors").write_text("other weights")
    assert weights_asked(str(tmp_path / "a")) != weights_asked(str(tmp_path / "b"))

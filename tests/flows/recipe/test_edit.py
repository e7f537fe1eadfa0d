"""Values are put where they belong, and every other byte of a recipe stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.errors import UserError
from flows.recipe.edit import with_value, write_values

PLACE = ["training", "mixture", "domain"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("training:\n  mixture:\n    domain: 0.7  # few\n", "training:\n  mixture:\n    domain: 0.5  # few\n"),
        ("training: {mixture: {domain: .7}} # x\n", "training: {mixture: {domain: 0.5}} # x\n"),
        ("training:\n  mixture: {general: 1}\n", "training:\n  mixture: {domain: 0.5, general: 1}\n"),
        ("training:\n  mixture:  # x\n    a: 1\n", "training:\n  mixture:  # x\n    domain: 0.5\n    a: 1\n"),
        ("training:\n  batch: 1  # x\nname: y\n", "training:\n  mixture: {domain: 0.5}\n  batch: 1  # x\nname: y\n"),
        ("training: {}\n", "training: {mixture: {domain: 0.5}}\n"),
        ("training:\nname: y\n", "training: {mixture: {domain: 0.5}}\nname: y\n"),
        ("training:\n  mixture:\n  batch: 1\n", "training:\n  mixture: {domain: 0.5}\n  batch: 1\n"),
        ("name: y  # z\n", "name: y  # z\n\ntraining: {mixture: {domain: 0.5}}\n"),
    ],
)  # fmt: skip
def test_a_value_is_put_in_where_it_belongs(before: str, after: str) -> None:
    assert with_value(before, PLACE, 0.5) == after


@pytest.mark.parametrize("value", [1e-05, 3e-4, 1.5e-07, 2_000_000, 0.5])
def test_numbers_are_read_back_as_numbers(value: float) -> None:
    assert yaml.safe_load(with_value("a: 1\n", ["a"], value)) == {"a": value}


def test_what_would_change_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    text = "base: {learning: &how {learning_rate: 0.1}}\ntraining: *how\n"
    path.write_text(text)
    with pytest.raises(UserError, match=r"cannot be edited in place.*by hand"):
        write_values(str(path), {"training.learning_rate": 0.2})
    assert path.read_text() == text


def test_a_file_that_cannot_be_written_says_what_to_write(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("# é\r\ntraining: {learning_rate: 0.1}\r\n".encode())
    write_values(str(path), {"training.learning_rate": 0.2})
    assert path.read_bytes() == "# é\r\ntraining: {learning_rate: 0.2}\r\n".encode()

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("flows.recipe.edit.write_atomically", fail)
    with pytest.raises(UserError, match=r"training\.learning_rate: 0\.3 by hand"):
        write_values(str(path), {"training.learning_rate": 0.3})


@pytest.mark.parametrize("mode", [0o444, 0o400])
def test_a_read_only_file_is_left_alone(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("training: {learning_rate: 0.1}\n")
    path.chmod(mode)
    with pytest.raises(UserError, match=r"read-only.*make both writable, or leave out --write"):
        write_values(str(path), {"training.learning_rate": 0.2})
    assert path.read_text() == "training: {learning_rate: 0.1}\n"


def test_who_may_read_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("training: {learning_rate: 0.1}\n")
    path.chmod(0o600)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    write_values(str(link), {"training.learning_rate": 0.2})
    assert link.is_symlink()
    assert path.read_text() == "training: {learning_rate: 0.2}\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_comment_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    text = """\
# a recipe
name: y   # its name

training:   # how it learns
  learning_rate: 0.001   # a guess
# between
  mixture:
    # replay
    domain: 0.7    # most
    general: 0.3
release: {licence: mit}
# the end
"""
    path.write_text(text)
    write_values(
        str(path),
        {"training.learning_rate": 3e-4, "training.mixture.general": 0.5, "training.mixture.domain": 0.5},
    )
    meant = text.replace("0.001   #", "0.0003   #").replace("0.7", "0.5").replace("0.3\n", "0.5\n")
    assert path.read_text() == meant


def test_a_word_is_put_in_as_it_is() -> None:
    after = with_value("tokenizer: {mode: extend} # x\n", ["tokenizer", "mode"], "keep")
    assert after == "tokenizer: {mode: keep} # x\n"

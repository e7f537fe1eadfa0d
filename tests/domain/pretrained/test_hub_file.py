from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import UserError
from domain.pretrained.hub_file import hub_file, hub_file_identity, is_on_hub
from tests.hub import serving

COMMIT = "0123456789" * 4
ASK = """
import sys
from domain.errors import UserError
from domain.pretrained.hub_file import hub_file
for name in sys.argv[1:]:
    try:
        print(hub_file(name).read_bytes().decode())
    except UserError as error:
        print(error)
"""


def test_a_name_on_the_hub_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_on_hub(f"org/model@{COMMIT}")
    assert is_on_hub(f"org/model@{COMMIT}/deep/model.bin")
    for name in ("model.bin", "models/a.bin", "/models/a@b.bin", "./org/model@b", "~/a@b/c"):
        assert not is_on_hub(name), name
    (tmp_path / "org").mkdir()
    (tmp_path / "org" / f"model@{COMMIT}").touch()
    assert not is_on_hub(f"org/model@{COMMIT}")


def test_the_commit_is_complete() -> None:
    assert hub_file_identity(f"org/model@{COMMIT}/m.bin") == f"org/model@{COMMIT}/m.bin"
    for name in ("org/model@main", f"org/model@{COMMIT[:8]}/m.bin"):
        with pytest.raises(UserError, match="names no commit"):
            hub_file_identity(name)
        with pytest.raises(UserError, match="names no commit"):
            hub_file(name)


def test_one_model_or_the_one_that_is_named(tmp_path: Path) -> None:
    with serving() as hub:
        one = hub.add("models", "org/one", {"a.bin": b"A", "README.md": b"text"})
        two = hub.add("models", "org/two", {"a.bin": b"A", "deep/b.ftz": b"B"})
        none = hub.add("models", "org/none", {"README.md": b"text"})
        names = [
            f"org/one@{one}", f"org/two@{two}/deep/b.ftz", f"org/two@{two}", f"org/none@{none}", f"org/two@{two}/c.bin",
            f"org/three@{COMMIT}", f"org/one@{one}/README.md",
        ]  # fmt: skip
        command = [sys.executable, "-c", ASK, *names]
        environment = hub.environment(tmp_path)
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    lines = answer.stdout.splitlines()
    assert lines[:2] == ["A", "B"]
    assert "the repository has a.bin, deep/b.ftz" in lines[2]
    for line in (lines[3], lines[4], lines[6]):
        assert "the repository has no .bin and no .ftz" in line
    assert "could not be downloaded from the hub" in lines[5]
    assert len(lines) == 7

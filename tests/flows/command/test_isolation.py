"""A module in the current folder, or beside the recipe, is imported by no process of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).parents[3]
# Modules of the standard library, of libraries and of Shoptalk that workers, trackers and servers import as they begin.
PLANTED = (
    "signal", "selectors", "random", "secrets", "queue", "logging", "yaml", "numpy", "uvicorn", "prefect",
    "resource_tracker", "domain", "corpora", "flows", "evals", "sitecustomize", "datatrove", "trafilatura",
)  # fmt: skip


def plant(folder: Path) -> Path:
    """Modules that note in a file that they were imported."""
    marks = folder / "imported"
    for name in PLANTED:
        code = f"open({str(marks)!r}, 'a').write({name!r} + chr(10))\n"
        if name in ("domain", "corpora"):
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text(code)
        else:
            (folder / f"{name}.py").write_text(code)
    return marks


def test_no_module_of_the_current_folder_is_imported(make_recipe: Any, command: Any, tmp_path: Path) -> None:
    recipe = Path(make_recipe())
    marks = plant(recipe.parent)
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    arguments = [
        "run",
        recipe.name,
        "--until",
        "curate",
        "--workers",
        "2",
        "--work",
        tmp_path / "work",
        "--tracking",
        "none",
    ]
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "flows.command.cli", *map(str, arguments)], cwd=recipe.parent, check=False,
        env={**environment, "PYTHONPATH": str(HOME)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert not marks.exists(), marks.read_text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".env", "PREFECT_API_URL=http://evil.example/api\n"),
        (".env", "A=1\nexport prefect_api_url = http://evil.example/api\n"),
        ("prefect.toml", "[api]\nurl = 'http://evil.example/api'\n"),
        ("pyproject.toml", "[project]\nname = 'x'\n[tool.prefect.api]\nurl = 'http://evil.example/api'\n"),
        ("pyproject.toml", "[tool]\nprefect.api.url = 'http://evil.example/api'\n"),
    ],
)
def test_the_current_folder_names_no_server(
    command: Any, make_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    recipe = make_recipe()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path(name).write_text(content)
    answer = command.ask("run", recipe, "--until", "protect", "--work", tmp_path / "work", "--tracking", "none")
    command.refused(answer, name, "Prefect's settings")


def test_other_settings_of_the_current_folder_are_let_be(tmp_path: Path) -> None:
    from flows.run.prefect_server import refuse_settings_of

    (tmp_path / ".env").write_text("OTHER=1\n# PREFECT\n")
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['prefect']\n[tool.ruff]\n")
    refuse_settings_of(tmp_path)


def test_children_get_a_safe_path(command: Any) -> None:
    assert command.ask("recipes").code == 0
    code = "import json, sys; print(json.dumps(sys.path))"
    assert "" not in json.loads(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )

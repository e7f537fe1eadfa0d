"""The READMEs are true: the tree, the lists made from the code, and the commands that CI runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
README = (HOME / "README.md").read_text(encoding="utf-8")
PACKAGES = ("flows", "domain", "corpora", "evals")


def block(kind: str, heading: str) -> list[str]:
    """The lines of the first fenced block of that kind below a heading."""
    below = README.split(f"\n{heading}\n", 1)[1]
    return below.split(f"```{kind}\n", 1)[1].split("```", 1)[0].splitlines()


def tree() -> dict[str, str]:
    """Path -> purpose of everything that the tree names. Names stand before two spaces, the purpose after."""
    named: dict[str, str] = {}
    folders: list[str] = []
    for line in block("text", "## The tree"):
        if not line.strip():
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        names, _, purpose = line.strip().partition("  ")
        del folders[depth:]
        for name in names.split():
            named["".join(folders) + name] = purpose.strip()
        if names.endswith("/"):
            folders.append(names)
    return named


def test_every_place_in_the_tree_exists_and_has_a_purpose() -> None:
    for path, purpose in tree().items():
        assert (HOME / path).exists(), path
        assert purpose, path


def test_every_folder_of_the_packages_is_in_the_tree_and_no_file_is() -> None:
    folders = {
        path.parent.relative_to(HOME).as_posix() + "/"
        for package in PACKAGES
        for path in (HOME / package).glob("*/__init__.py")
    }
    named = {path for path in tree() if path.partition("/")[0] in PACKAGES}
    assert named == folders | {f"{package}/" for package in PACKAGES}


def test_the_lists_of_files_and_fields_are_those_of_the_code() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.readme_lists"], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert answer.stdout == "all lists are current\n", answer.stdout + answer.stderr


def commands() -> list[str]:
    """Every command that the README shows."""
    return [line for text in re.findall(r"```sh\n(.*?)```", README, re.S) for line in text.splitlines() if line]


def test_ci_runs_every_command() -> None:
    script = (HOME / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    check = (HOME / "Makefile").read_text(encoding="utf-8").split("\ncheck:", 1)[1]
    assert {"make check", "make soak"} <= set(script)
    for command in commands():
        if command.startswith("shoptalk "):  # the script runs every line that begins so
            assert any("grep '^shoptalk ' README.md" in line for line in script)
        elif command == "make test":  # a part of make check
            assert "$(MAKE) --no-print-directory test" in check
        else:
            assert command in script, command


def test_the_recipe_is_one(tmp_path: Path) -> None:
    from flows.recipe.recipe import load_recipe

    path = tmp_path / "finance.yaml"
    path.write_text("\n".join(block("yaml", "## Your own domain")), encoding="utf-8")
    recipe = load_recipe(str(path))
    assert recipe.name == "finance"
    assert list(recipe.arms) == ["adapted", "control"]


def test_links_and_pictures_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)|<img [^>]*src=\"([^\"]+)\"", README):
        assert (HOME / (target[0] or target[1])).exists(), target

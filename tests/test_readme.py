"""The READMEs are true: the tree, the lists made from the code, and the commands that CI runs."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

import yaml

from flows.command import cli

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
    assert {line.split()[0] for line in commands()} == {"make", "shoptalk"}
    script = (HOME / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    check = (HOME / "Makefile").read_text(encoding="utf-8").split("\ncheck:", 1)[1]
    assert {"make check", "make soak"} <= set(script)
    for command in commands():
        if command.startswith("shoptalk "):  # the script runs every line that begins so
            assert "grep '^shoptalk ' README.md | while read -r line; do" in script
            cli.parser().parse_args(shlex.split(command)[1:])
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


OPERATION = (HOME / "flows" / "README.md").read_text(encoding="utf-8")


def test_flows_readme_shows_every_command_and_options_that_exist() -> None:
    block = OPERATION.split("```text\n", 1)[1].split("```", 1)[0]
    lines = [re.split(r" {2,}", line)[0] for line in block.splitlines()]
    for line in lines:
        cli.parser().parse_args(shlex.split(line)[1:])
    assert {line.split()[1] for line in lines} == set(cli.COMMANDS)
    options = set(re.findall(r"`(?:plan |pilot )?(--[a-z-]+)", OPERATION))
    assert options >= {"--set", "--until", "--as-of", "--write", "--no-chat", "--tracking"}
    known = {option for name in cli.COMMANDS for option in option_names(name)}
    assert options <= known, options - known


def option_names(command: str) -> set[str]:
    """The options of a command, as its --help names them."""
    help_text = io.StringIO()
    with redirect_stdout(help_text), suppress(SystemExit):
        cli.parser().parse_args([command, "--help"])
    return set(re.findall(r"--[a-z-]+", help_text.getvalue()))


def test_flows_readme_yaml_is_valid() -> None:
    """Its sections of a recipe, and its machine profiles."""
    from domain.machine import Machine
    from domain.training.tune import Tuning
    from flows.recipe.pilot import Pilot

    kinds = {"pilot": Pilot, "instruction_tuning": Tuning}
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", OPERATION, re.S)]
    assert len(blocks) == 4
    for content in blocks:
        for name, kind in kinds.items():
            if name in content:
                kind.model_validate(content.pop(name), context={"folder": HOME})
        Machine.model_validate(content)

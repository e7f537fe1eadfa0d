"""A recipe imports the modules that the machine profile allows, from where packages are installed, and no others."""

from __future__ import annotations

import site
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from corpora.filters.own import Own
from domain.errors import UserError
from domain.machine import Machine
from flows.recipe.recipe import load_recipe

FILTER = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\ndef keep(document): return True\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the module ``house_filter``, which leaves a file as it is imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "house_filter.py").write_text(FILTER)
    yield tmp_path / "house"
    for name in [each for each in sys.modules if each.startswith("house_filter")]:
        del sys.modules[name]


def with_filter(make_recipe: Any, kind: str) -> Path:
    """The small recipe with a filter of that kind."""
    path: Path = make_recipe()
    content = yaml.safe_load(path.read_text())
    content["corpus"]["filters"] = [{"kind": kind}]
    path.write_text(yaml.safe_dump(content))
    return path


def refusal(path: Path, machine: Machine | None = None) -> str:
    with pytest.raises(ExceptionGroup) as caught:
        load_recipe(str(path), (), machine)
    (error,) = caught.value.exceptions
    assert isinstance(error, UserError)
    assert "\n" not in str(error)
    return str(error)


KINDS = (
    "unittest.__main__:x",
    "this:s",
    "antigravity:x",
    ".os:x",
    "os:system",
    ":x",
    "house_filter:",
    "house_filter:keep",
)


@pytest.mark.parametrize(
    ("command_line", "kind"),
    [*(("check", kind) for kind in KINDS), *((name, "house_filter:keep") for name in ("plan", "pilot", "run"))],
)
def test_no_command_imports_what_the_profile_does_not_name(
    make_recipe: Any, command: Any, house: Path, monkeypatch: pytest.MonkeyPatch, command_line: str, kind: str
) -> None:
    monkeypatch.chdir(house)  # the current folder, which a program that runs a module has on its path
    sys.path.insert(0, str(house))
    answer = command.ask(command_line, with_filter(make_recipe, kind), "--work", house.parent / "work")
    assert answer.code in (1, 2)
    assert "may not be imported" in answer.out + answer.err
    assert not list(house.glob("*.ran"))
    assert not {"this", "antigravity", "unittest.__main__"} & sys.modules.keys()


@pytest.mark.parametrize("command_line", ["show", "ledger", "datasheet", "release list", "generate"])
def test_commands_that_look_need_a_name_alone(make_recipe: Any, command: Any, house: Path, command_line: str) -> None:
    recipe = with_filter(make_recipe, "house_filter:keep")
    prompt = ["a"] if command_line == "generate" else []
    answer = command.ask(*command_line.split(), recipe, *prompt, "--work", house.parent / "work")
    assert answer.code == 2
    assert "Traceback" not in answer.err
    assert "may not be imported" not in answer.err
    assert not list(house.glob("*.ran"))


@pytest.mark.parametrize("plugins", [("house_filter",), ("other", "house_filter")])
def test_what_the_profile_names_is_imported_from_its_folder(
    make_recipe: Any, house: Path, plugins: tuple[str, ...]
) -> None:
    recipe = load_recipe(
        str(with_filter(make_recipe, "house_filter:keep")), (), Machine(plugins=plugins, plugin_path=house)
    )
    (own,) = recipe.corpus.filters
    assert isinstance(own, Own)
    assert own.function(None) is True
    assert list(house.glob("*.ran"))


@pytest.mark.parametrize("plugins", [("house",), ("house_filter.below",), ("house_filte",), ()])
def test_a_prefix_of_letters_is_no_package(make_recipe: Any, house: Path, plugins: tuple[str, ...]) -> None:
    line = refusal(with_filter(make_recipe, "house_filter:keep"), Machine(plugins=plugins, plugin_path=house))
    assert "'house_filter' of kind house_filter:keep may not be imported" in line
    assert not list(house.glob("*.ran"))


def test_a_module_of_that_name_in_the_current_folder_is_not_taken(
    make_recipe: Any, house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(house)
    path, machine = with_filter(make_recipe, "house_filter:keep"), Machine(plugins=("house_filter",))
    assert "module house_filter cannot be imported" in refusal(path, machine)
    for entry in ("", ".", str(house)):
        sys.path.insert(0, entry)
        assert f"would be imported from {house}, where no packages are installed" in refusal(path, machine)
        assert f"would be imported from {house}" in refusal(path, machine.replace(plugin_path=tmp_path))
        del sys.path[0]
    assert not list(house.glob("*.ran"))


def test_an_installed_module_is_taken_also_as_pip_links_it(
    make_recipe: Any, house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(packages)])
    sys.path += [str(packages), str(house)]  # a .pth file's entries follow the folder that it lies in
    machine = Machine(plugins=("house_filter",))
    load_recipe(str(with_filter(make_recipe, "house_filter:keep")), (), machine)
    assert list(house.glob("*.ran"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise BaseException('a\\nb')", "BaseException: a)"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def keep(", "SyntaxError"),
        ("import no_such_module_of_ours", "ModuleNotFoundError: No module named"),
        ("def f(): f()\nf()", "RecursionError"),
        ("def other(document): return True", "AttributeError: module 'house_filter' has no attribute 'keep'"),
        ("keep = 3", "does not take these arguments"),
    ],
)
def test_whatever_a_module_does_as_it_is_imported_is_one_line(
    make_recipe: Any, house: Path, text: str, message: str
) -> None:
    (house / "house_filter.py").write_text(text)
    machine = Machine(plugins=("house_filter",), plugin_path=house)
    assert message in refusal(with_filter(make_recipe, "house_filter:keep"), machine)


@pytest.mark.parametrize(
    "field", ["plugins: [-m]", "plugins: ['a b']", "plugins: ['../x']", "plugins: os", "plugin_path: ."]
)
def test_a_profile_names_modules_and_an_absolute_folder(command: Any, tmp_path: Path, field: str) -> None:
    (tmp_path / "machine.yaml").write_text(field)
    command.refused(command.ask("check", "--machine", tmp_path / "machine.yaml"), field.partition(":")[0])

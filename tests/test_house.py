"""The house stands: five import arrows, a ground floor without engines, a door that opens at once."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parent.parent
ROOMS = ("flows", "domain", "corpora", "evals")
ALLOWED = {
    "flows": {"flows", "domain", "corpora", "evals"},
    "corpora": {"corpora", "domain"},
    "evals": {"evals", "domain"},
    "domain": {"domain"},
}
GROUND = {
    "torch", "transformers", "safetensors", "tokenizers", "tiktoken", "huggingface_hub", "pydantic", "yaml", "numpy",
    "tqdm", "peft", "fasttext", "orjson", "jinja2", "markupsafe", "pydantic_core",
}  # fmt: skip
# What a machine that only learns may lack, beside the engines: each is looked for where it is used.
SPARE = (
    "tiktoken", "peft", "fasttext", "accelerate", "datasets", "datatrove", "prefect", "mlflow", "scipy", "pandas",
    "pyarrow", "orjson",
)  # fmt: skip


def imported(path: Path) -> set[str]:
    """The top-level names that a file imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_arrows(room: str) -> None:
    files = sorted((HOME / room).rglob("*.py"))
    assert files
    for path in files:
        crossed = imported(path) & set(ROOMS)
        assert crossed <= ALLOWED[room], f"{path.relative_to(HOME)} imports {crossed - ALLOWED[room]}"


def test_the_ground_needs_no_engine() -> None:
    for path in sorted((HOME / "domain").rglob("*.py")):
        foreign = imported(path) - set(sys.stdlib_module_names) - {"domain"} - GROUND
        assert not foreign, f"{path.relative_to(HOME)} imports {foreign}"


def loaded_by(statement: str) -> set[str]:
    """Modules in a fresh interpreter after a statement."""
    code = f"import sys\n{statement}\nprint(' '.join(m for m in sys.modules if '.' not in m))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOME)
    return set(answer.stdout.splitlines()[-1].split())


HEAVY = {"torch", "transformers", "datasets", "datatrove", "prefect", "mlflow", "pandas", "pyarrow"}


def test_help_imports_nothing_heavy() -> None:
    assert not loaded_by("from flows.command.cli import parser; parser().format_help()") & HEAVY


def test_a_recipe_opens_without_anything_heavy() -> None:
    assert not loaded_by("from flows.recipe.recipe import load_recipe; load_recipe('quickstart')") & HEAVY


def test_the_learner_imports_no_engine() -> None:
    statement = "import domain.worker, domain.training.trainer, domain.model.build, domain.training.pretrain"
    assert not loaded_by(statement) & {"prefect", "mlflow", "datatrove", "datasets"}


def test_the_ground_stands_where_only_learning_is_installed() -> None:
    names = [".".join(path.relative_to(HOME).with_suffix("").parts) for path in (HOME / "domain").rglob("*.py")]
    modules = ", ".join(sorted(name.removesuffix(".__init__") for name in names))
    missing = "; ".join(f"sys.modules[{name!r}] = None" for name in SPARE)
    assert not loaded_by(f"{missing}; import {modules}") & {"flows", "corpora", "evals"}


# The folders of domain, lowest first; files directly in it belong to the ground unless they are named here. A row may
# import those above it.
ORDER = (
    ("ground", "pretrained", "page", "recipes"),
    ("tokenizer",),
    ("tokens",),
    ("settings", "text"),
    ("model",),
    ("cost", "score"),
    ("training",),
    ("planning", "inference", "release", "worker"),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}


def modules_imported(path: Path) -> set[str]:
    """The modules of the house that a file imports, wherever in it the import stands."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in modules if name.partition(".")[0] in ROOMS and location(name).exists()}


def location(module: str) -> Path:
    """The file or folder of a module."""
    path = HOME.joinpath(*module.split("."))
    return path if path.is_dir() else path.with_suffix(".py")


def room_of(module: str) -> str:
    """The folder or file directly in a package to which a module belongs; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def imports_by_file(package: str) -> dict[Path, set[str]]:
    return {path: modules_imported(path) for path in sorted((HOME / package).rglob("*.py"))}


def test_the_folders_of_domain_stand_in_order() -> None:
    folders = {path.name for path in (HOME / "domain").iterdir() if (path / "__init__.py").exists()}
    assert folders <= RANK.keys(), "a folder of domain without a place in the order"
    for path, modules in imports_by_file("domain").items():
        own = room_of(".".join(path.relative_to(HOME).with_suffix("").parts))
        if own == "__init__":
            continue
        for module in modules:
            other = room_of(module)
            assert not other or RANK.get(other, 0) <= RANK.get(own, 0), f"{path.relative_to(HOME)} imports {module}"


@pytest.mark.parametrize("package", ROOMS)
def test_no_two_folders_import_each_other(package: str) -> None:
    pairs: dict[tuple[str, str], str] = {}
    for path, modules in imports_by_file(package).items():
        parts = path.relative_to(HOME / package).parts
        for module in modules:
            if (
                len(parts) > 1
                and module.partition(".")[0] == package
                and location(f"{package}.{room_of(module)}").is_dir()
            ):
                pairs.setdefault((parts[0], room_of(module)), f"{path.relative_to(HOME)} imports {module}")
    circles = [(where, pairs[b, a]) for (a, b), where in pairs.items() if a < b and (b, a) in pairs]
    assert circles == []


def test_commands_are_imported_by_nothing_but_the_command() -> None:
    for package in ROOMS:
        for path, modules in imports_by_file(package).items():
            if path.is_relative_to(HOME / "flows" / "command"):
                continue
            assert not {module for module in modules if module.startswith("flows.command")}, path.relative_to(HOME)


# Public names that two modules define. The list may only become shorter: who renames one takes it out.
TWICE: set[str] = set()


def test_no_public_name_is_defined_twice() -> None:
    """Of classes, and of constants that another module imports."""
    defined: dict[str, set[str]] = {}
    classes, imported_names = set(), set()
    for package in ROOMS:
        for path in sorted((HOME / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in tree.body:
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                names = {target.id for target in targets if isinstance(target, ast.Name)}
                if isinstance(node, ast.ClassDef):
                    names = {node.name}
                    classes.add(node.name)
                for name in names:
                    if name[0].isupper():
                        defined.setdefault(name, set()).add(path.relative_to(HOME).as_posix())
            froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            imported_names |= {alias.name for node in froms for alias in node.names}
    public = classes | imported_names
    twice = {name: files for name, files in defined.items() if len(files) > 1 and name in public}
    assert {name: files for name, files in twice.items() if name not in TWICE} == {}
    assert twice.keys() >= TWICE, f"no longer defined twice: {sorted(TWICE - twice.keys())}"


def test_no_file_of_the_product_is_longer_than_300_lines() -> None:
    sizes = {
        path.relative_to(HOME).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for package in ROOMS
        for path in (HOME / package).rglob("*.py")
    }
    assert {path: lines for path, lines in sizes.items() if lines > 300} == {}


def test_the_keys_of_the_scorecard_are_known_in_one_place() -> None:
    keys = re.compile(r"[\"'](?:change_from_control|interval_from_control|flops_per_domain_text|break_even)[\"']")
    files = {path.relative_to(HOME).as_posix() for room in ROOMS for path in (HOME / room).rglob("*.py")}
    assert {name for name in files if keys.search((HOME / name).read_text(encoding="utf-8"))} == {
        "domain/release/scores.py"
    }

"""The house stands: five import arrows, a ground floor without engines, a door that opens at once."""

from __future__ import annotations

import ast
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
    "tqdm", "peft", "fasttext",
}  # fmt: skip
# What a machine that only learns may lack, beside the engines: each is looked for where it is used.
SPARE = (
    "tiktoken", "peft", "fasttext", "accelerate", "datasets", "datatrove", "prefect", "mlflow", "scipy", "pandas",
    "pyarrow",
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

"""The lists of files and fields in the READMEs, made from the code: ``python -m tests.readme_lists --write``."""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("flows", "domain", "corpora", "evals")


def module_sentence(path: Path) -> str:
    """The first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].removesuffix(".").replace("``", "`")


def data_sentence(path: Path) -> str:
    """The first comment of a YAML, HTML or CSS file."""
    comment = re.search(r"^\s*(?:#|<!--|\{#|/\*)\s*(.+?)\s*(?:-->|#\}|\*/)?$", path.read_text(encoding="utf-8"), re.M)
    return comment[1].removesuffix(".") if comment else ""


def entries(folder: Path, depth: int = 0) -> list[str]:
    """A folder's files, then its folders with theirs, one line each."""
    lines = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.name != "__init__.py":
            lines.append(f"{'  ' * depth}- `{path.name}`: {module_sentence(path)}")
        elif path.suffix in (".yaml", ".html", ".css"):
            sentence = data_sentence(path)
            lines.append(f"{'  ' * depth}- `{path.name}`" + (f": {sentence}" if sentence else ""))
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").exists():
            lines.append(f"{'  ' * depth}- **{path.name}/**: {module_sentence(path / '__init__.py')}")
            lines += entries(path, depth + 1)
    return lines


def files_of(package: str) -> Callable[[], str]:
    """The list of a package's files."""
    return lambda: "\n".join(entries(HOME / package))


def shown_default(value: Any) -> str:
    """A default as a recipe or a profile would state it."""
    if value is None or value == "" or (isinstance(value, (tuple, dict, list)) and not value):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def shown_choices(annotation: Any) -> str:
    """The choices of a Literal, wherever in the annotation it stands."""
    choices = [choice for choice in get_args(annotation) if isinstance(choice, str)]
    return ", ".join(f"`{choice}`" for choice in choices)


def flags_of(command: str) -> set[str]:
    """The options of a command of shoptalk."""
    from flows.command.cli import parser

    [commands] = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return {flag for action in commands.choices[command]._actions for flag in action.option_strings}


def machine_profile() -> str:
    """The table of a machine profile's fields."""
    from domain.machine import Machine

    rows = ["| field | flag | meaning | default |", "| --- | --- | --- | --- |"]
    flags = flags_of("run")
    for name, field in Machine.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        meaning = field.description or ""
        if choices := shown_choices(field.annotation):
            meaning = f"{meaning} ({choices})" if meaning else choices
        default = shown_default(field.get_default(call_default_factory=True))
        rows.append(f"| `{name}` | {f'`{flag}`' if flag in flags else ''} | {meaning} | {default} |")
    return "\n".join(rows)


LISTS: dict[tuple[str, str], Callable[[], str]] = {
    **{(f"{package}/README.md", "files"): files_of(package) for package in PACKAGES},
    ("flows/README.md", "machine profile"): machine_profile,
}


def with_list(text: str, name: str, content: str) -> str:
    """A page with that list between its two marks replaced."""
    begin, end = f"<!-- {name}: written by python -m tests.readme_lists --write -->\n", f"<!-- end of {name} -->"
    before, mark, rest = text.partition(begin)
    if not mark or end not in rest:
        raise ValueError(f"no marks for the list {name!r}: {begin.strip()} ... {end}")
    return f"{before}{begin}\n{content}\n\n{end}{rest.partition(end)[2]}"


def main() -> int:
    """Rewrite the lists, or name the pages whose lists are out of date."""
    stale = []
    for (page, name), content in LISTS.items():
        path = HOME / page
        old = path.read_text(encoding="utf-8")
        new = with_list(old, name, content())
        if new != old:
            stale.append(f"{page}: {name}")
            if "--write" in sys.argv:
                path.write_text(new, encoding="utf-8")
    print("\n".join(stale) or "all lists are current")
    return int(bool(stale) and "--write" not in sys.argv)


if __name__ == "__main__":
    sys.exit(main())

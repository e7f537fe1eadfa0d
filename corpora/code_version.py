"""What an identity depends on besides settings: a team's own code, and the versions of libraries."""

from __future__ import annotations

import ast
import importlib.util
import site
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from domain.manifest import file_sha256
from domain.spec import fingerprint

CODE = (".py", ".so", ".pyd")


def versions(distributions: Iterable[str]) -> dict[str, str | None]:
    """The installed version of each; None where there is none."""
    return {name: installed(name) for name in distributions}


def installed(name: str) -> str | None:
    """The installed version of a distribution, if any."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def code_digest(kind: str) -> str:
    """SHA-256 over the code that ``package.module:name`` may run: all of its package, and whatever that imports of
    what lies beside it. What is installed apart from it is not looked into.
    """
    waiting, files = [kind.partition(":")[0].partition(".")[0]], dict[str, str]()
    done, apart = set[str](), installed_places()
    while waiting:
        top = waiting.pop()
        if top in done:
            continue
        done.add(top)
        for root, path in code_of(top):
            files[path.relative_to(root).as_posix()] = file_sha256(path)
            if path.suffix == ".py" and root not in apart:
                waiting += [
                    name for name in imported(path) if (root / name).is_dir() or (root / f"{name}.py").is_file()
                ]
    return fingerprint(files)


def code_of(top: str) -> Iterator[tuple[Path, Path]]:
    """(folder that Python finds it in, file) for all code of a package or a module."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return
    for place in spec.submodule_search_locations or []:
        folder = Path(place).resolve()
        for path in sorted(folder.rglob("*")):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts)
            if path.suffix in CODE and not hidden and path.is_file():
                yield folder.parent, path
    if not spec.submodule_search_locations and spec.has_location and spec.origin:
        path = Path(spec.origin).resolve()
        yield path.parent, path


def installed_places() -> set[Path]:
    """Where packages are installed, and Python itself: what lies there beside a package is not the team's."""
    stdlib = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    return {Path(place).resolve() for place in (*site.getsitepackages(), site.getusersitepackages(), *stdlib)}


def imported(path: Path) -> Iterator[str]:
    """The top-level names that a module imports, anywhere in it; none where it cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]

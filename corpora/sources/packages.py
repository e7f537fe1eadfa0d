"""The documentation inside installed Python distributions: docstrings found with ast, and docs files."""

from __future__ import annotations

import ast
import inspect
import platform
import sysconfig
import warnings
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from corpora.document import Document, Quarantined
from corpora.metadata.licence import of_distribution
from corpora.sources.source import Source
from corpora.workers.forked_worker import results
from corpora.workers.pool import Died
from domain.errors import UserError
from domain.machine import Machine
from domain.spec import Bytes

STANDARD_LIBRARY = "python"
CHUNK = 32  # files that a worker reads at a time
SHORTEST = 200  # characters; a module with less documentation is no text to learn from
SKIPPED = {
    "test",
    "tests",
    "_vendor",
    "vendor",
    "vendored",
    "externals",
    "site-packages",
    "dist-packages",
    "__pycache__",
    "lib2to3",
    "idlelib",
}
DOCS = (".rst", ".md", ".txt")
NO_DOCS = {"license", "licence", "record", "top_level", "entry_points", "requirements", "copying", "notice"}

PackageFile = tuple[str, str, str, str | None, str | None]  # path, id, source, licence, url


class Packages(Source):
    """One document per module, in the stated order of distributions; ``python`` is the standard library."""

    kind: Literal["packages"] = "packages"
    distributions: Annotated[tuple[str, ...], Field(min_length=1, description="installed, in this order")]
    limit: Annotated[Bytes | None, Field(description="stop before the text exceeds this")] = None

    def stamp(self, machine: Machine) -> Any:
        """The versions of the distributions."""
        return [{"distribution": name, "version": version(name)} for name in self.distributions]

    def documents(self, machine: Machine) -> Iterator[Document | Quarantined]:
        """Distribution by distribution, each by module path; files are parsed by the machine's workers."""
        total = 0
        for name in self.distributions:
            tasks = list(tasks_of(name, self.title))
            if not tasks:
                listed = f"{name} lists no file that may hold documentation (it may be installed in editable mode)"
                raise UserError("corpus: packages", listed, "install it as a wheel, or take it off the list")
            for result in read_all(tasks, machine.worker_count):
                if isinstance(result, Document):
                    total += len(result.text.encode())
                    if self.limit is not None and total > self.limit:
                        return
                if result is not None:
                    yield result


def read_all(tasks: list[PackageFile], workers: int) -> Iterator[Document | Quarantined | None]:
    """What each file gives, in order; one that kills the process that reads it is quarantined."""
    chunks = [tuple(tasks[begin : begin + CHUNK]) for begin in range(0, len(tasks), CHUNK)]
    places, waiting, first = {chunk: i for i, chunk in enumerate(chunks)}, dict[int, Any](), 0
    for chunk, result in results(read_chunk, chunks, workers):
        waiting[places[chunk]] = result
        while first in waiting:
            rows = waiting.pop(first)
            yield from read_each(chunks[first]) if isinstance(rows, Died) else rows
            first += 1


def read_chunk(tasks: tuple[PackageFile, ...]) -> list[Document | Quarantined | None]:
    """What some files give."""
    return [read(task) for task in tasks]


def read_each(tasks: tuple[PackageFile, ...]) -> Iterator[Document | Quarantined | None]:
    """As ``read_chunk``, each file alone: one of them kills."""
    for task, result in results(read, tasks, 1):
        if isinstance(result, Died):
            result = Quarantined(place=task[1], reason=f"ended the process that read it ({result})", id=task[1])
        yield result


def version(name: str) -> str:
    """The installed version; raises ``UserError`` where there is none."""
    if name == STANDARD_LIBRARY:
        return platform.python_version()
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        raise UserError(
            "corpus: packages", f"{name} is not installed", f"pip install {name}, or take it off the list"
        ) from None


def tasks_of(name: str, source: str) -> Iterator[PackageFile]:
    """The files of a distribution that may hold documentation, by path."""
    if name == STANDARD_LIBRARY:
        root = Path(sysconfig.get_path("stdlib"))
        paths = {p.relative_to(root).as_posix(): p for p in root.rglob("*.py")}
        licence: str | None = "psf-2.0"
        url: str | None = "https://docs.python.org/3/"
    else:
        version(name)
        distribution = metadata.distribution(name)
        paths = {p.as_posix(): Path(str(p.locate())) for p in distribution.files or []}
        licence = of_distribution(distribution.metadata)
        url = str(distribution.metadata.json.get("home_page") or "") or None
    for relative in sorted(paths):
        path = Path(relative)
        if wanted(path) and paths[relative].is_file():
            yield str(paths[relative]), f"{name}:{relative}", source, licence, url


def wanted(path: Path) -> bool:
    """Whether a file of a distribution is documentation, or code that may carry some."""
    if SKIPPED & set(path.parts) or ".." in path.parts or any(".dist-info" in part for part in path.parts):
        return False
    return path.suffix == ".py" or (path.suffix in DOCS and path.stem.lower().split(".")[0] not in NO_DOCS)


def read(task: PackageFile) -> Document | Quarantined | None:
    """The document in one file; None where it says too little."""
    path, name, source, licence, url = task
    try:
        code = Path(path).read_bytes()
        # Code goes to the parser as bytes, for it may state an encoding of its own in its first lines.
        text = documentation(code, name.partition(":")[2]) if path.endswith(".py") else code.decode("utf-8-sig")
    except OSError as error:
        raise UserError(name, f"cannot be read ({error.strerror})", "make it readable, or install it again") from None
    except (SyntaxError, RecursionError, ValueError) as error:
        return Quarantined(place=name, reason=f"{type(error).__name__}: {error}", id=name)
    if len(text.strip()) < SHORTEST:
        return None
    return Document(id=name, text=text, source=source, url=url, licence=licence, language="en")


def documentation(code: str | bytes, path: str) -> str:
    """All docstrings of a module, each under its qualified name and signature. The code is parsed, never run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(code)
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    parts = [f"{module}\n\n{inspect.cleandoc(own)}"] if (own := ast.get_docstring(tree, clean=False)) else []
    parts.extend(f"{heading}\n\n{inspect.cleandoc(text)}" for heading, text in documented(tree, ""))
    return "\n\n".join(parts)


def documented(node: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
    """(heading, docstring) of every class and function below a node, in order of the code."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}{child.name}"
            if text := ast.get_docstring(child, clean=False):
                if isinstance(child, ast.ClassDef):
                    bases = ", ".join(ast.unparse(base) for base in child.bases)
                    yield f"class {name}({bases})" if bases else f"class {name}", text
                else:
                    yield f"{name}({ast.unparse(child.args)})", text
            yield from documented(child, f"{name}." if isinstance(child, ast.ClassDef) else prefix)
        elif isinstance(child, ast.If | ast.Try):
            yield from documented(child, prefix)

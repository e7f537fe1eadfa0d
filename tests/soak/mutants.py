"""Mutation testing: a module with one small change at a time, and whether its own tests notice."""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import io
import os
import random
import signal
import sys
import time
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of a module: where, what it was and what it is, and the whole source with it."""

    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.before} -> {self.after}"


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """The node with each of the changes that it allows."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            new = copy.deepcopy(node)
            new.ops[place] = COMPARISONS[type(operator)]()
            yield new
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in ARITHMETIC:
        new_operation = copy.deepcopy(node)
        new_operation.op = ARITHMETIC[type(node.op)]()
        yield new_operation
    elif isinstance(node, ast.BoolOp):
        new_boolean = copy.deepcopy(node)
        new_boolean.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield new_boolean
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield copy.deepcopy(node.operand)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(test=node.test, body=copy.deepcopy(node.orelse), orelse=copy.deepcopy(node.body))
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else larger(node.value))
    elif isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in CALLS:
            new_call = copy.deepcopy(node)
            if isinstance(new_call.func, ast.Name):
                new_call.func.id = CALLS[name]
            elif isinstance(new_call.func, ast.Attribute):
                new_call.func.attr = CALLS[name]
            yield new_call
    elif isinstance(node, (ast.Continue, ast.Break)):
        yield ast.Pass()


def larger(value: float) -> float:
    """Another number: the next one for small whole numbers, much more for others."""
    if isinstance(value, int):
        return value + 1 if value < 100 else value * 2
    return value * 1.4 or 1.0


def points(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """(parent, field, index) of every place in code that runs: no annotation, decorator, default text or message."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if field in ("annotation", "returns", "decorator_list", "type_comment", "exc", "ctx"):
                continue
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST):
                    yield parent, field, index


def mutants(path: Path, functions: Sequence[str] = ()) -> list[Mutant]:
    """Every mutant of a module, or of its functions of those names."""
    original = path.read_text(encoding="utf-8")
    tree = ast.parse(original)
    found = []
    roots: list[ast.AST] = [tree]
    if functions:
        roots = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name in functions]
        assert {getattr(root, "name", "") for root in roots} == set(functions)
    skipped = {id(inner) for node in ast.walk(tree) for outer in skipped_parts(node) for inner in ast.walk(outer)}
    for root in roots:
        for parent, field, index in points(root):
            container = getattr(parent, field)
            node = container if index is None else container[index]
            if id(node) in skipped:
                continue
            for new in changed(node):
                put(parent, field, index, ast.copy_location(new, node))
                source = ast.unparse(ast.fix_missing_locations(tree))
                put(parent, field, index, node)
                texts = (ast.unparse(node), ast.unparse(new))
                found.append(Mutant(line=getattr(node, "lineno", 0), before=texts[0], after=texts[1], source=source))
    return found


def skipped_parts(node: ast.AST) -> list[ast.AST]:
    """What no behaviour hangs on: annotations, decorators, what is raised, the text of f-strings, ``strict=True``."""
    parts: list[ast.AST] = []
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        parts += node.decorator_list
    if isinstance(node, ast.FunctionDef) and node.returns:
        parts.append(node.returns)
    if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation:
        parts.append(node.annotation)
    if isinstance(node, ast.Raise):
        parts.append(node)
    if isinstance(node, ast.JoinedStr):
        parts.append(node)
    if isinstance(node, ast.keyword) and node.arg in ("strict", "directed", "what"):
        parts.append(node)
    return parts


def put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    """Set a child of a node."""
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a source of ours."""

    def __init__(self, module: str, path: Path, source: str) -> None:
        self.module, self.path, self.source = module, path, source

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        if name != self.module:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(self.path))

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def survives(path: Path, source: str, tests: Sequence[str], *, limit: float) -> bool:
    """Whether the tests pass with that source of the module, in a forked process; too slow counts as noticed."""
    name = ".".join(path.relative_to(HOME).with_suffix("").parts)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        sys.meta_path.insert(0, Replaced(name, path, source))  # type: ignore[arg-type]
        code = 1
        try:
            import pytest

            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                base = f"--basetemp=/tmp/mutants-{os.getpid()}"
                options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--import-mode=importlib", base]
                code = int(pytest.main([*options, *tests]))
        finally:
            os._exit(code)
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def sample(found: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """At most that many of them, drawn alike every time, in the order of the file."""
    if len(found) > size:
        found = random.Random(seed).sample(found, size)
    return sorted(found, key=lambda mutant: mutant.line)

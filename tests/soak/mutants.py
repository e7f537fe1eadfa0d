"""Mutants of a module: copies of its source with one small change each.

Not a library: mutmut 3 mutates functions only, so constants, defaults and bounds of fields would go untested;
cosmic-ray starts Python and imports torch for every mutant, about seven times as slow as a fork.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# For each operator the off-by-one neighbour, then the opposite.
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}
ONE_OF = ("min", "max", "minimum", "maximum")  # also replaced by either argument
FIRST_OF = ("sorted", "reversed", "abs", "round")  # also replaced by the argument
SIDES = {"left": "right", "right": "left"}
# Arguments that change no behaviour: stated defaults; texts for people, types and checks.
DEFAULTS = ("side='left'", "ignore_index=-100")
UNSEEN = ("description", "what", "unit", "strict", "directed", "dtype", "use_cache")


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of a module: the statement before and after, its line, and the whole source with it."""

    line: int
    before: str
    after: str
    source: str

    def has(self, code: str) -> bool:
        """Whether this code is new in the statement."""
        return code in self.after and code not in self.before


def mutants(path: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    original = ast.unparse(tree)
    skipped = {id(inner) for node in ast.walk(tree) for part in skipped_parts(node) for inner in part}
    found = []
    for parent, field, index, statement in list(places(tree)):
        node = child(parent, field, index)
        for new in changes(node) if id(node) not in skipped else ():
            before, line = header(statement), getattr(node, "lineno", statement.lineno)
            put(parent, field, index, ast.copy_location(new, node))
            source = ast.unparse(ast.fix_missing_locations(tree))
            after = header(new if node is statement else statement)
            after = f"without {before}" if isinstance(new, ast.Pass) else after
            put(parent, field, index, node)
            if source != original:
                found.append(Mutant(line=line, before=before, after=after, source=source))
    unique = {mutant.source: mutant for mutant in found}
    return sorted(unique.values(), key=lambda mutant: mutant.line)


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """The node with each of the changes that it allows."""
    match node:
        case ast.Compare(ops=operators):
            for place, operator in enumerate(operators):
                for other in COMPARISONS[type(operator)]:
                    yield changed(node, ops=[*operators[:place], other(), *operators[place + 1 :]])
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in ARITHMETIC:
            yield changed(node, op=ARITHMETIC[type(operator)]())
        case ast.BoolOp(op=operator, values=values):
            yield changed(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
            yield from (changed(node, values=[*values[:at], *values[at + 1 :]]) for at in range(len(values)))
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.If(test=test) if ast.unparse(test) != "TYPE_CHECKING":
            yield from (changed(node, test=ast.Constant(truth)) for truth in (True, False))
        case ast.comprehension(ifs=[_, *_]):
            yield changed(node, ifs=[])
        case ast.Constant(value=value):
            yield from (ast.Constant(other) for other in other_values(value))
        case ast.Slice(lower=lower, upper=upper):
            yield from (changed(node, **{name: None}) for name, bound in (("lower", lower), ("upper", upper)) if bound)
        case ast.Call():
            yield from other_calls(node)
        case ast.Return(value=ast.expr()):
            yield ast.Return(ast.Constant(None))
    if isinstance(node, (ast.Continue, ast.Break, ast.AugAssign)) or is_removable(node):
        yield ast.Pass()


def other_values(value: object) -> Iterator[object]:
    """Constants near this one."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1) if abs(value) < 100 else (value * 2, value // 2)
        case float():
            yield from (value + 1.0, value * 0.9) if value else (1.0,)
        case str() if value in SIDES:
            yield SIDES[value]


def other_calls(call: ast.Call) -> Iterator[ast.AST]:
    """The call of a function's opposite, one of its arguments instead of it, and the call without each keyword."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in CALLS:
        changed_name = {"id" if isinstance(call.func, ast.Name) else "attr": CALLS[name]}
        yield changed(call, func=changed(call.func, **changed_name))
    if name in ONE_OF and len(call.args) > 1:
        yield from call.args
    if name in FIRST_OF and len(call.args) == 1:
        yield call.args[0]
    for keyword in call.keywords:
        if keyword.arg not in UNSEEN and ast.unparse(keyword) not in DEFAULTS:
            yield changed(call, keywords=[each for each in call.keywords if each is not keyword])


def is_removable(node: ast.AST) -> bool:
    """Whether the module still parses, and names are still bound, without this statement."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)  # a docstring
    return isinstance(node, ast.Assign) and not any(isinstance(target, ast.Name) for target in node.targets)


def skipped_parts(node: ast.AST) -> Iterator[Iterator[ast.AST]]:
    """Code on which no behaviour depends: types, decorators, what is raised, texts, arguments for people."""
    match node:
        case ast.FunctionDef(decorator_list=decorators, returns=returns):
            yield from (ast.walk(part) for part in (*decorators, returns) if part)
        case ast.ClassDef(decorator_list=decorators):
            yield from (ast.walk(part) for part in decorators)
        case ast.arg(annotation=ast.expr() as annotation):
            yield ast.walk(annotation)
        case ast.AnnAssign(annotation=annotation):  # bounds of a field are behaviour: Annotated[int, Field(ge=2)]
            calls = [ast.walk(each) for each in ast.walk(annotation) if isinstance(each, ast.Call)]
            behaviour = {id(part) for call in calls for part in call}
            yield (part for part in ast.walk(annotation) if id(part) not in behaviour)
        case ast.Raise():
            yield ast.walk(node)
        case ast.keyword(arg=name) if name in UNSEEN:
            yield ast.walk(node)


def changed(node: ast.AST, **fields: Any) -> ast.AST:
    """A copy of the node with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def places(parent: ast.AST, statement: ast.AST | None = None) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, index in a list, statement) of every node below ``parent``."""
    for field, value in ast.iter_fields(parent):
        for index, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(each, ast.AST) and not isinstance(each, ast.expr_context):
                around = each if isinstance(each, ast.stmt) or statement is None else statement
                yield parent, field, index, around
                yield from places(each, around)


def header(statement: ast.AST) -> str:
    """The statement in one line, without the body that it may have."""
    return next(line for line in ast.unparse(statement).splitlines() if not line.startswith("@"))


def child(parent: ast.AST, field: str, index: int | None) -> ast.AST:
    """The node at a place."""
    value: Any = getattr(parent, field)
    node: ast.AST = value if index is None else value[index]
    return node


def put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    """Set the node at a place."""
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node

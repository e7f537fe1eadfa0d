"""Read YAML strictly: the core schema of YAML 1.2 with merge keys, bounded, every error named by its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from domain.advice import shown
from domain.errors import UserError
from domain.strict import CONTROL_CHARACTER
from domain.userfile import read_bounded

T = TypeVar("T")

LARGEST = 1_000_000  # bytes of a file
MOST_NODES = 100_000  # values and keys, what aliases repeat counted each time; 2 s to read
YAML_DEPTH = 50
LONGEST_NUMBER = 100  # characters
TEXT = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"


class _Problem(yaml.MarkedYAMLError):
    """An error at the place of a node or event, with what to do about it."""

    def __init__(self, at: Node | yaml.Event, problem: str, fix: str) -> None:
        super().__init__(problem=problem, problem_mark=at.start_mark)  # type: ignore[arg-type]
        self.fix = fix


class _Loader(yaml.SafeLoader):
    """PyYAML reads YAML 1.1, without bounds, and keeps the last of two equal keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - filled below

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.deepest = self.nodes = 0
        self.extents: dict[int, tuple[int, int]] = {}  # nodes and depth of each composed node, by its id()

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose a node, counting what it holds; an alias counts as all that it repeats."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            return self.compose_alias(event, super().compose_node(parent, index))
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag not in (None, "!"):
            raise _Problem(event, f"has the tag {event.tag}, and tags are not read here", "take it out")
        before = self.nodes
        self.depth += 1
        self.count(event, 1, 0)
        deepest, self.deepest = self.deepest, self.depth
        node = super().compose_node(parent, index)
        self.extents[id(node)] = (self.nodes - before, self.deepest - self.depth + 1)
        self.deepest = max(deepest, self.deepest)
        self.depth -= 1
        return node

    def compose_alias(self, event: yaml.AliasEvent, node: Node | None) -> Node | None:
        """Count what an alias repeats; one inside of what it repeats would have no end."""
        if id(node) not in self.extents:
            raise _Problem(event, f"the alias *{event.anchor} stands inside of what it repeats", "write it out")
        nodes, height = self.extents[id(node)]
        self.count(event, nodes, height)
        self.deepest = max(self.deepest, self.depth + height)
        return node

    def count(self, event: yaml.Event, nodes: int, height: int) -> None:
        """Add to what was composed; raises where that is too much."""
        self.nodes += nodes
        if self.depth + height > YAML_DEPTH:
            raise _Problem(event, f"is nested more than {YAML_DEPTH} deep", "nest less")
        if self.nodes > MOST_NODES:
            problem = f"holds more than {MOST_NODES:,} values, what aliases repeat counted each time"
            raise _Problem(event, problem, "shorten it")

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """A mapping whose keys are text and stand once; keys that a merge adds give way to its own."""
        mapping = super().compose_mapping_node(anchor)
        names = set[str]()
        for key, _ in mapping.value:
            if not isinstance(key, ScalarNode) or key.tag not in (TEXT, MERGE):
                raise _Problem(key, f"the key {shown(key.value)} is not text", "write it in quotes")
            if key.value in names:
                raise _Problem(key, f"the key {shown(key.value)} stands here a second time", "take one out")
            names.add(key.value)
        return mapping

    def construct_scalar(self, node: ScalarNode | MappingNode) -> Any:
        """A scalar without control characters."""
        value = super().construct_scalar(node)
        if control := CONTROL_CHARACTER.search(value):
            raise _Problem(node, f"holds the control character U+{ord(control[0]):04X}", "take it out")
        return value

    def construct_yaml_int(self, node: ScalarNode) -> int:
        """A decimal, octal (0o) or hexadecimal (0x) number; 010 is refused, since YAML 1.1 took it for octal."""
        text = self.number(node)
        if text.startswith(("0o", "0x")):
            return int(text, 0)
        digits = text.lstrip("+-")
        if len(digits) > 1 and digits[0] == "0":
            plain = digits.lstrip("0") or "0"
            fix = f"write {plain}, or, for text, put it in quotes"
            raise _Problem(node, f"the number {text} begins with 0, which some take for octal", fix)
        return int(text)

    def construct_yaml_float(self, node: ScalarNode) -> float:
        """A number with a fraction or an exponent, infinity, or not a number."""
        return float(self.number(node).lower().replace(".inf", "inf").replace(".nan", "nan"))

    def number(self, node: ScalarNode) -> str:
        """The digits of a number of reasonable length."""
        text: str = self.construct_scalar(node)
        if len(text) > LONGEST_NUMBER:
            raise _Problem(node, f"a number of {len(text):,} characters", "write a smaller one")
        return text


for tag, pattern, first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), first)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)
_Loader.add_constructor(MERGE, yaml.SafeLoader.construct_yaml_str)  # type: ignore[type-var]  # as a value it is text


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; raises ``UserError`` that names the line."""
    return parse_yaml(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a YAML file; raises ``UserError`` if it cannot be read, is too large or is not UTF-8."""
    content = read_bounded(path, LARGEST, "name a YAML file that exists")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, byte {error.start}", "is not UTF-8", "save the file as UTF-8") from None


def parse_yaml(text: str, place: str) -> Any:
    """The value of a text in YAML: text, numbers, booleans, None, lists, and dicts with text as keys.

    Raises ``UserError`` that names ``place`` and the line.
    """
    return _read(text, place, _Loader.get_single_data)


def compose_yaml(text: str, place: str) -> Node | None:
    """The tree of a text in YAML, with the place of each value; raises ``UserError`` as ``parse_yaml`` does."""
    return _read(text, place, _Loader.get_single_node)


def _read(text: str, place: str, read: Callable[[_Loader], T]) -> T:
    loader = None
    try:
        loader = _Loader(text)
        return read(loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        fix = getattr(error, "fix", "correct the YAML there")
        raise UserError(f"{place}{line}", str(error.problem or error.context), fix) from None
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        problem = f"holds the character U+{error.character:04X}, which YAML does not allow"
        raise UserError(f"{place}, line {number}", problem, "take it out") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:  # such as the escape "\U00110000"
        line = f", line {loader.line + 1}" if loader else ""
        raise UserError(f"{place}{line}", f"is not valid YAML ({error})", "correct the YAML there") from None

"""Licences in one spelling each, for comparison with an allow-list."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import PackageMetadata
from typing import TYPE_CHECKING

from pydantic import Field

from corpora.metadata.licence_names import hyphenated, spdx_id
from domain.spec import Spec

if TYPE_CHECKING:
    from boolean import Expression

# Brackets, and "and" and "or" between spaces or brackets.
OPERATOR = re.compile(r"([()]|(?<![^\s()])(?:and|or)(?![^\s()]))", re.IGNORECASE)
# What stands where a licence is not known; "other" and "proprietary" do say something.
NO_STATEMENT = {
    "",
    "-",
    "?",
    "n/a",
    "na",
    "nan",
    "none",
    "noassertion",
    "not-specified",
    "null",
    "unknown",
    "unspecified",
}
NAMING_KEYS = ("spdx_id", "spdx", "id", "key", "name", "title", "type", "url")  # of a record that is a licence
LONGEST_FREE_TEXT = 100  # characters of a distribution's licence field that names one; a longer one is its wording


class Licences(Spec):
    """Whose text may be trained on. ``unknown`` allows documents that state no licence."""

    allow: tuple[str, ...] = Field(description="licences as SPDX ids or the team's own names, such as internal")

    def permits(self, licence: str | None) -> bool:
        """Whether text of this licence may be used.

        All sides of an "A and B" must be on the list, one side of an "A or B"; ``and`` binds tighter, brackets
        group (SPDX 2.3, annex D). A name that is on the list as it stands needs no reading. A licence ``with`` an
        exception is another one than that without, and stands on the list by itself.
        """
        allowed = {spelled for name in self.allow for spelled in (normal(name), hyphenated(name))}
        if not allowed.isdisjoint((normal(licence or "unknown"), hyphenated(licence or "unknown"))):
            return True
        names, expression = parsed(licence or "unknown")
        return expression is not None and covered(expression, {key for key, name in names.items() if name in allowed})


def covered(expression: Expression, allowed: set[str]) -> bool:
    """Whether the names in ``allowed`` make an expression true."""
    if not expression.args:
        return str(expression) in allowed
    each = (covered(argument, allowed) for argument in expression.args)
    return all(each) if type(expression).__name__ == "AND" else any(each)


def parsed(licence: str) -> tuple[dict[str, str], Expression | None]:
    """The names in a licence expression by a key for each, and the expression over these; None for a malformed one."""
    from license_expression import ExpressionError, ExpressionParseError, Licensing

    names: dict[str, str] = {}
    pieces = []
    for piece in OPERATOR.split(licence):
        if OPERATOR.fullmatch(piece):
            pieces.append(piece.lower())
        elif piece.strip():
            pieces.append(f"name{len(names)}")
            names[pieces[-1]] = name_of(piece)
    try:
        return names, Licensing().parse(" ".join(pieces))
    except (ExpressionError, ExpressionParseError, RecursionError, TypeError, AttributeError, IndexError):
        return names, None


def name_of(text: str) -> str:
    """One licence under one spelling: its SPDX id in lower case, or its own name with hyphens for spaces."""
    return spdx_id(text) or hyphenated(text)


@lru_cache(maxsize=4_096)
def normal(licence: str) -> str:
    """A licence, or an expression, under one spelling: ``MIT License OR CC BY 4.0`` -> ``mit or cc-by-4.0``."""
    pieces = OPERATOR.split(licence)
    if len(pieces) == 1 or spdx_id(licence) is not None:
        return name_of(licence)
    if parsed(licence)[1] is None:
        return hyphenated(licence)
    written = (piece.lower() if OPERATOR.fullmatch(piece) else name_of(piece) for piece in pieces if piece.strip())
    return " ".join(written).replace("( ", "(").replace(" )", ")")


def statement(value: object, *, depth: int = 3) -> str | None:
    """What a value states as a licence; None where it states none. Several together are an "and"; of a record of its
    own the name, id or address counts. What is below ``depth`` lists and records is not looked at."""
    if isinstance(value, str):
        return None if hyphenated(value[:100]) in NO_STATEMENT else value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**9 else None
    if isinstance(value, list | tuple) and depth:
        stated = [statement(item, depth=depth - 1) for item in value]
        each = dict.fromkeys(filter(None, stated))
        return " and ".join(f"({one})" if len(each) > 1 and OPERATOR.search(one) else one for one in each) or None
    if isinstance(value, dict) and depth:
        by_key = {str(key).lower(): item for key, item in value.items()}
        stated = [statement(by_key.get(key), depth=depth - 1) for key in NAMING_KEYS]
        return next(filter(None, stated), None)
    return None


def of_distribution(metadata: PackageMetadata) -> str | None:
    """The licence of an installed distribution: its SPDX expression, else its free text, else its classifiers.

    Where it states several, all of them count, unless it says "or". A free text that is not known counts beside the
    classifiers: "non-commercial use only" may stand there.
    """
    fields = metadata.json  # names in lower case with underscores (PEP 566)
    if expression := fields.get("license_expression"):
        return normal(str(expression))
    # A free text may be the whole licence: then its first line may be a name, and no more is read of it.
    free = str(fields.get("license") or "").strip()
    first = " ".join((free.splitlines() or [""])[0][:200].split())
    names, expression_tree = parsed(first)
    if expression_tree is not None and (spdx_id(first) or all(spdx_id(name) for name in names.values())):
        return normal(first)
    own = statement(free) if len(free) <= LONGEST_FREE_TEXT and "\n" not in free else None
    classifiers = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    names_of_all = [name_of(text) for text in filter(None, [own, *classifiers]) if text != "OSI Approved"]
    return " and ".join(dict.fromkeys(names_of_all)) or None

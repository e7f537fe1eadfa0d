"""Makes every field of a spec strict: no booleans for numbers, no control characters in text, bounded lengths."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any, cast

from pydantic_core import CoreSchema, core_schema

TEXT_LIMIT = 4_096  # characters, as of a path; longer texts declare it
LONGEST_LIST = 10_000  # items of a list, a set or a mapping; longer ones declare it
CONTROL_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # but tab and line ends
# Where a schema of pydantic holds others: by itself, in a list, or as the values of a mapping.
BELOW = (
    "schema", "fields", "choices", "items_schema", "keys_schema", "values_schema", "steps", "extras_schema",
    "json_schema", "python_schema",
)  # fmt: skip
STRICT = {"int", "float", "bool", "str"}
LISTS = {"list", "tuple", "set", "frozenset", "dict"}


def encodable(prose: str) -> str:
    """A long text without NUL and lone surrogates; it may have other control characters, as extracted text does."""
    if character := re.search("[\x00\ud800-\udfff]", prose):
        raise ValueError(f"take out the character U+{ord(character[0]):04X}")
    return prose


def printable(value: str | Path) -> str | Path:
    """A text or path without control characters and lone surrogates."""
    if character := CONTROL_CHARACTER.search(str(value)):
        raise ValueError(f"take out the control character U+{ord(character[0]):04X}")
    return value


def possible_path(path: Path | str) -> Path | str:
    """A path that a file system can have: names of at most 255 bytes, 4,095 in all; an address passes."""
    raw = os.fsencode(path)
    if b"://" not in raw and (len(raw) > 4_095 or max(map(len, raw.split(b"/"))) > 255):
        raise ValueError("shorten the path: a name may have 255 bytes, the whole 4,095")
    return path


def iso_date(value: object) -> object:
    """A date as YYYY-MM-DD; pydantic would also take a number of seconds, and a time."""
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise ValueError("write a date as YYYY-MM-DD")


def strict_schema(schema: CoreSchema) -> CoreSchema:
    """The schema of a spec with strict numbers and booleans, dates as ISO writes them, and checked texts.

    Specs inside of it are strict already: each is made so as its class is created.
    """
    return cast(CoreSchema, _strict(cast(dict[str, Any], schema), top=True))


def _strict(schema: dict[str, Any], *, top: bool = False) -> dict[str, Any]:
    kind = schema.get("type")
    if kind == "model" and not top:
        return schema
    if kind == "lax-or-strict":  # a path
        checked = core_schema.no_info_after_validator_function(printable, cast(CoreSchema, schema))
        return cast(dict[str, Any], core_schema.no_info_after_validator_function(possible_path, checked))
    result = {key: _below(value, top=top) if key in BELOW else value for key, value in schema.items()}
    if kind in STRICT:
        result["strict"] = True
    elif kind in LISTS and (kind != "tuple" or "variadic_item_index" in schema):
        result.setdefault("max_length", LONGEST_LIST)
    leaf = cast(CoreSchema, result)
    if kind == "str":
        check = encodable if schema.get("max_length", 0) > TEXT_LIMIT else printable
        return cast(dict[str, Any], core_schema.no_info_after_validator_function(check, leaf))
    if kind == "date":
        return cast(dict[str, Any], core_schema.no_info_before_validator_function(iso_date, leaf))
    return result


def _below(value: Any, *, top: bool) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            return _strict(value, top=top and value["type"] != "model-field")
        return {key: _below(each, top=False) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_below(each, top=False) for each in value)
    return value

"""What to do about a value that fails its validation, in plain words instead of pydantic's."""

from __future__ import annotations

from reprlib import Repr

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.errors import UserError

# By the type of pydantic's error, or its beginning; ``{...}`` is taken from the error's context.
ADVICE = {
    "int": "write a whole number, such as 512",
    "float": "write a number, such as 0.5",
    "finite_number": "write a finite number",
    "bool": "write true or false",
    "string": "write text, in quotes if it looks like something else",
    "string_too_short": "write {min_length} character or more",
    "string_too_long": "write at most {max_length} characters",
    "string_pattern_mismatch": "match {pattern}",
    "literal_error": "choose {expected}",
    "date": "write a date as YYYY-MM-DD",
    "list": "write a list, such as [a, b]",
    "tuple": "write a list, such as [a, b]",
    "dict": "write keys and values, such as {{a: 1}}",
    "model": "write keys and values, such as {{a: 1}}",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "less_than": "write less than {lt}",
    "less_than_equal": "write {le} or less",
    "too_short": "name at least {min_length}",
    "too_long": "name at most {max_length}",
    "missing": "add it",
    "extra_forbidden": "take it out",
}
SHORT = Repr()
SHORT.maxstring = SHORT.maxother = 60


def advice(entry: ErrorDetails) -> str:
    """What to do about an error: a validator's own words, or those for the type of pydantic's error."""
    kind = entry["type"]
    if kind == "string_pattern_mismatch" and entry["loc"][-1:] == ("name",):
        return "use lower case, digits and hyphens, such as contracts"
    template = ADVICE.get(kind) or ADVICE.get(kind.partition("_")[0])
    if template is not None:
        return template.format(**{name: bare(value) for name, value in entry.get("ctx", {}).items()})
    message = " ".join(entry["msg"].removeprefix("Value error, ").split())
    return message[:1].lower() + message[1:]


def refused(place: str, entry: ErrorDetails, fix: str) -> UserError:
    """The error at ``place``: a validator's own words with ``fix``, or what was found with what to do about it."""
    if entry["type"] in ("value_error", "assertion_error"):
        return UserError(place, advice(entry), fix)
    return UserError(place, f"found {shown(entry['input'])}", advice(entry))


def described(error: ValidationError) -> str:
    """Where a validation failed first, and why; not the value, which may be anything."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def shown(value: object) -> str:
    """A value on one line, cut at 60 characters and a few levels."""
    text = SHORT.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def bare(value: object) -> object:
    """A number without a fraction of zero: 1, not 1.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value

"""A spec takes a value only for what it is written as: no boolean for a number, no number for a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from domain.spec import Bytes, Count, Seed, Share, Spec


class Inner(Spec):
    number: int = 0


class Outer(Spec):
    whole: int = 0
    real: float = 0.0
    count: Count = 1
    bytes: Bytes = 1
    share: Share = 0.0
    seed: Seed = 0
    maybe: float | None = None
    either: int | str = 0
    several: tuple[Annotated[int, Field(ge=0)], ...] = ()
    pairs: list[tuple[int, float]] = []  # noqa: RUF012
    by_name: Mapping[str, Annotated[float, Field(ge=0)]] = {}
    inner: Inner = Inner()
    inners: tuple[Inner | None, ...] = ()
    flag: bool = False
    day: date | None = None
    text: str = ""
    path: Path | None = None
    prose: Annotated[str, Field(max_length=10_000)] = ""


class Below(Outer):
    more: int = 0


@pytest.mark.parametrize("kind", [Outer, Below])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *product(("whole", "real", "count", "bytes", "share", "seed", "maybe"), (True, False)),
        ("either", True), ("several", [1, True]), ("pairs", [[True, 1.0]]), ("pairs", [[1, False]]),
        ("by_name", {"a": True}), ("inner", {"number": True}), ("inners", [{"number": False}]),
        ("flag", 1), ("flag", 0), ("flag", "true"), ("flag", "yes"), ("flag", 1.0),
        ("whole", "1"), ("whole", 1.0), ("real", "0.5"), ("seed", "1"), ("seed", -1), ("seed", 2**32),
        ("real", float("nan")), ("real", float("inf")), ("maybe", float("-inf")),
        ("count", "1" * 400), ("count", "1" * 400 + "B"), ("bytes", "9" * 30 + "TB"), ("count", 1e300),
        ("day", 0), ("day", 1e9), ("day", True), ("day", "86400"), ("day", "2021-02-30"), ("day", "2021-01-01T00:00"),
        ("day", "20210101"), ("day", ""), ("text", 1), ("text", True), ("text", b"x"),
        ("text", "a\0"), ("text", "\x1b[2J"), ("text", "a\x85"), ("text", "\ud800"), ("text", "a" * 5_000),
        ("path", "a\0"), ("path", "a\x1b"), ("path", Path("a\x07")), ("prose", "\0"), ("prose", "\udfff"),
        ("prose", "a" * 10_001), ("by_name", {"a\x1b": 1}), ("several", list(range(10_001))),
        ("by_name", {str(i): 1 for i in range(10_001)}), ("pairs", [[1, 1.0]] * 10_001),
    ],
)  # fmt: skip
def test_what_is_refused(kind: type[Outer], field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate({field: value})


def test_what_is_taken() -> None:
    spec = Below.model_validate(
        {
            "whole": -3, "real": 2, "count": "1.2M", "bytes": "20MB", "seed": 2**32 - 1, "several": [1, 2],
            "pairs": [[1, 2]], "by_name": {"a": 1}, "inner": {"number": 4}, "inners": [{"number": 5}, None], "more": 6,
            "flag": True,
            "day": "2024-02-29", "text": "שלום\n\ttab", "path": "a b", "prose": "form\x0cfeed \x92",
        }
    )  # fmt: skip
    assert (spec.real, spec.count, spec.bytes, spec.pairs) == (2.0, 1_200_000, 20_000_000, [(1, 2.0)])
    assert (spec.inner, spec.inners) == (Inner(number=4), (Inner(number=5), None))
    assert spec.day == date(2024, 2, 29)
    assert Below.model_validate(spec.model_dump(mode="json")) == spec
    assert spec.replace(day=date(2024, 3, 1), path=Path("b")).path == Path("b")

"""Texts that are there more than once: equal ones, and nearly equal ones."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from domain.spec import Share, Spec


class Exact(Spec):
    """Equal but for case and white space."""

    kind: Literal["exact"] = "exact"


class Near(Spec):
    """Nearly equal, by the overlap of word 5-grams."""

    kind: Literal["near"] = "near"
    threshold: Annotated[Share, Field(description="Jaccard similarity from which the later document is dropped")] = 0.8


def spelled_out(value: Any) -> Any:
    """``exact`` is short for ``{kind: exact}``."""
    return {"kind": value} if isinstance(value, str) else value


AnyDedup = Annotated[
    Annotated[Exact | Near, Field(discriminator="kind")],
    BeforeValidator(spelled_out),
]

"""Texts that are there more than once: equal ones, and nearly equal ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from corpora.kinds import Kinds
from domain.spec import Spec

KIN = 0.5  # Jaccard similarity from which two documents are one cluster: held out together, one unit of evidence


class Exact(Spec):
    """Equal but for case and white space."""

    kind: Literal["exact"] = "exact"


class Near(Spec):
    """Nearly equal, by the overlap of word 5-grams."""

    kind: Literal["near"] = "near"
    threshold: Annotated[
        float, Field(ge=KIN, le=1.0, description="Jaccard similarity from which the later document is dropped")
    ] = 0.8


AnyDedup = Annotated[Exact | Near, Kinds(None, Exact, Near)]

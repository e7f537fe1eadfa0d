"""What a document must pass: each filter answers keep, drop with a reason, or change with a reason."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, SerializeAsAny, Tag
from pydantic.functional_validators import PlainValidator

from corpora.filters.filter import Filter
from corpora.filters.harm import Harm
from corpora.filters.privacy import Privacy
from corpora.filters.quality import Quality

KINDS = ("quality", "privacy", "harm")


def own(value: Any) -> Filter:
    """A team's own filter: ``kind: package.module:Class``, a subclass of Filter."""
    if isinstance(value, Filter):
        return value
    module, _, name = str(value["kind"]).partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"kind {value['kind']} cannot be imported ({error}); write package.module:Class") from None
    if not (isinstance(found, type) and issubclass(found, Filter)):
        raise ValueError(f"kind {value['kind']} is no Filter; make it a subclass of corpora.filters.filter.Filter")
    return found.model_validate(value)


def kind_of(value: Any) -> str | None:
    """The kind that a recipe names; None for one that does not exist."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    if kind in KINDS:
        return str(kind)
    return "own" if isinstance(kind, str) and ":" in kind else None


def spelled_out(value: Any) -> Any:
    """``quality`` is short for ``{kind: quality}``."""
    return {"kind": value} if isinstance(value, str) else value


AnyFilter = Annotated[
    Annotated[Quality, Tag("quality")]
    | Annotated[Privacy, Tag("privacy")]
    | Annotated[Harm, Tag("harm")]
    | Annotated[SerializeAsAny[Filter], PlainValidator(own), Tag("own")],
    Discriminator(
        kind_of,
        custom_error_type="kind",
        custom_error_message=f"name one of {', '.join(KINDS)}, or package.module:Class",
    ),
    BeforeValidator(spelled_out),
]

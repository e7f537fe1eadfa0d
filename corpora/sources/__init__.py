"""Where text comes from: one file per kind, its spec beside it."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

from pydantic import Discriminator, SerializeAsAny, Tag
from pydantic.functional_validators import PlainValidator

from corpora.sources.files import Files
from corpora.sources.hub import Hub
from corpora.sources.packages import Packages
from corpora.sources.source import Source

KINDS = ("files", "hub", "packages")


def own(value: Any) -> Source:
    """A team's own source: ``kind: package.module:Class``, a subclass of Source; the other keys are its fields."""
    if isinstance(value, Source):
        return value
    module, _, name = str(value["kind"]).partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"kind {value['kind']} cannot be imported ({error}); write package.module:Class") from None
    if not (isinstance(found, type) and issubclass(found, Source)):
        raise ValueError(f"kind {value['kind']} is no Source; make it a subclass of corpora.sources.source.Source")
    return found.model_validate(value)


def kind_of(value: Any) -> str | None:
    """The kind that a mapping in a recipe names; None for one that does not exist."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    if kind in KINDS:
        return str(kind)
    return "own" if isinstance(kind, str) and ":" in kind else None


AnySource = Annotated[
    Annotated[Files, Tag("files")]
    | Annotated[Hub, Tag("hub")]
    | Annotated[Packages, Tag("packages")]
    | Annotated[SerializeAsAny[Source], PlainValidator(own), Tag("own")],
    Discriminator(
        kind_of,
        custom_error_type="kind",
        custom_error_message=f"set kind to one of {', '.join(KINDS)}, or to package.module:Class",
    ),
]

"""How a recipe's ``kind`` becomes a spec: one that ships, or a team's own by ``package.module:name``."""

from __future__ import annotations

import importlib
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from domain.advice import advice
from domain.spec import Spec

OWN = "package.module:name"


class Kinds:
    """Annotates a field that holds one of several specs: ``Annotated[Source, Kinds(Source, Files, Hub)]``.

    Each shipped spec states its kind as the default of its field ``kind``. A bare ``exact`` is short for
    ``{kind: exact}``. With ``parent``, a kind with a colon is the team's own: a class below ``parent``, or with ``own``
    that spec, which knows what the name means. An unknown kind is a pydantic error of type ``kind`` that lists the
    kinds there are.
    """

    def __init__(self, parent: type[Spec] | None, *shipped: type[Spec], own: type[Spec] | None = None) -> None:
        self.parent, self.own_spec = parent, own
        self.shipped = {str(each.model_fields["kind"].default): each for each in shipped}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A union told apart by ``kind``, so that an error names the field of the one kind that was meant."""
        choices = {kind: handler.generate_schema(each) for kind, each in self.shipped.items()}
        names = ", ".join(self.shipped)
        if self.parent is not None:
            names += f", or {OWN}"
            choices["own"] = core_schema.with_info_plain_validator_function(
                self.own,
                serialization=core_schema.plain_serializer_function_ser_schema(
                    lambda spec, info: spec.model_dump(mode=info.mode), info_arg=True
                ),
            )
        union = core_schema.tagged_union_schema(
            choices, self.chosen, custom_error_type="kind", custom_error_message=f"name one of {names}"
        )
        return core_schema.no_info_before_validator_function(spelled_out, union)

    def chosen(self, value: Any) -> str | None:
        """The kind that a recipe or a spec names; None for one that does not exist."""
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        if not isinstance(kind, str):
            return None
        if kind in self.shipped:
            return kind
        return "own" if ":" in kind and self.parent is not None else None

    def own(self, value: Any, info: core_schema.ValidationInfo) -> Spec:
        """The team's own spec, validated in the recipe's context; raises ``ValueError`` in one line."""
        assert self.parent is not None
        if isinstance(value, self.parent):
            return value
        kind = str(value["kind"])
        own_kind = self.own_spec or self.named(kind)
        try:
            return own_kind.model_validate(value, context=info.context)
        except ValidationError as error:
            each = (f"{'.'.join(map(str, e['loc'])) or kind}: {advice(e)}" for e in error.errors())
            raise ValueError("; ".join(each)) from None

    def named(self, kind: str) -> type[Spec]:
        """The class of the team's own; raises ``ValueError`` in one line."""
        module, _, name = kind.partition(":")
        try:
            value = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(f"kind {kind} cannot be imported ({error}); write {OWN}") from None
        if not (isinstance(value, type) and self.parent and issubclass(value, self.parent)):
            raise ValueError(
                f"kind {kind} is no {self.parent and self.parent.__name__}; make it a subclass of corpora's"
            )
        return value


def spelled_out(value: Any) -> Any:
    """``exact`` is short for ``{kind: exact}``."""
    return {"kind": value} if isinstance(value, str) else value

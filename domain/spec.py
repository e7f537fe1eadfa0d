"""What every spec is: frozen, keyword-only, closed to unknown keys, with numbers written as people write them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
)
from pydantic_core import CoreSchema

from domain.strict import TEXT_LIMIT, possible_path, strict_schema
from domain.url_secrets import each_string, shown

S = TypeVar("S", bound="Spec")

COUNT_SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
BYTE_SUFFIXES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def _quantity(value: object, suffixes: dict[str, int], example: str) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([0-9][0-9_]{0,30}(?:\.[0-9]{1,30})?)\s*([A-Za-z]{0,2})\s*", value)
    if match is None or match[2].lower() not in suffixes:
        raise ValueError(f"write a number such as {example}")
    return round(float(match[1].replace("_", "")) * suffixes[match[2].lower()])


def parse_count(value: object) -> object:
    """``"1.2M"`` -> 1200000; numbers pass through. Suffixes k, M, B, T are powers of 1,000."""
    return _quantity(value, COUNT_SUFFIXES, "800000, 1.2M or 3B")


def parse_bytes(value: object) -> object:
    """``"20MB"`` -> 20000000 bytes; numbers pass through. Suffixes kB to TB are powers of 1,000."""
    return _quantity(value, BYTE_SUFFIXES, "500000, 20MB or 1.5GB")


Count = Annotated[int, BeforeValidator(parse_count), Field(ge=1, le=10**15)]
Bytes = Annotated[int, BeforeValidator(parse_bytes), Field(ge=1, le=10**15)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def from_recipe(path: str, info: ValidationInfo) -> str:
    """A path as a recipe means it, relative to the recipe's folder; a URL stays as it is."""
    folder = (info.context or {}).get("folder")
    if folder and "://" not in path:
        path = os.path.join(folder, os.path.expanduser(path))
    return str(possible_path(path))


def from_recipe_or_hub(name: str, info: ValidationInfo) -> str:
    """As ``from_recipe`` for a path; a name that is no path and no folder beside the recipe is one on the hub."""
    path = from_recipe(name, info)
    return path if os.path.exists(path) or name.startswith((".", "/", "~")) else name


Weights = Annotated[str, AfterValidator(possible_path)]  # a folder, or org/name@commit
RecipePath = Annotated[str, Field(min_length=1), AfterValidator(from_recipe)]
RecipePathOrHub = Annotated[str, Field(min_length=1), AfterValidator(from_recipe_or_hub)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


def fingerprint(value: object) -> str:
    """SHA-256 (hex) of a JSON value in its canonical form: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Spec(BaseModel):
    """What was asked of a stage. Equal specs ask for the same thing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, str_max_length=TEXT_LIMIT
    )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of the fields, made strict (``domain.strict``)."""
        schema = handler(source)
        if "__pydantic_core_schema__" in cls.__dict__:  # of a class that is finished, and so is strict
            return schema
        return strict_schema(schema)

    @model_serializer(mode="wrap", when_used="json")
    def _without_secrets(self, serialize: SerializerFunctionWrapHandler) -> object:
        """As JSON, in which it is kept and handed on, a spec has no secrets of addresses."""
        return each_string(serialize(self), shown)

    def identity_key(self) -> dict[str, Any]:
        """The JSON that enters an artifact's identity; a spec that names paths overrides this by their content."""
        return self.model_dump(mode="json")

    def snapshot_key(self, machine: Any) -> dict[str, Any]:
        """The JSON that stands for what this spec names, looked at now; ``machine`` is a machine profile."""
        return self.identity_key()

    def narrow(self, kind: type[S]) -> S:
        """The part of this spec that ``kind`` declares, so that a stage depends on no more than it reads."""
        return kind.model_validate({name: getattr(self, name) for name in kind.model_fields})

    def replace(self, **changes: Any) -> Self:
        """This spec with other values, validated."""
        return type(self).model_validate({**{n: getattr(self, n) for n in type(self).model_fields}, **changes})

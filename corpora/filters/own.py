"""A filter of your own: a function that judges one document."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo, model_validator

from corpora.code_version import code_digest
from corpora.document import Document
from corpora.filters.filter import Change, Drop, Filter, FilterAnswer
from corpora.plugins import plugins_of
from domain.text.words import Split


class Own(Filter):
    """``kind`` names the function; all other keys are its keyword arguments.

    Its code is a part of the identity. ``version`` is for what it reads beside that, such as a list or a service.
    It answers True or None (keep), ``(False, reason)`` (drop), or a Document, whose text then stays.
    Raises ``ValueError`` where there is no such function, or it does not take these arguments.
    """

    model_config = ConfigDict(extra="allow")

    version: Annotated[str | None, Field(description="change it when what the function reads has changed")] = None

    @model_validator(mode="after")
    def _is_there(self, info: ValidationInfo) -> Own:
        function = plugins_of(info.context).load(self.kind)
        try:
            inspect.signature(function).bind(None, **(self.model_extra or {}))
        except (TypeError, ValueError) as error:
            raise ValueError(f"does not take these arguments ({error})") from None
        return self

    def identity_key(self) -> dict[str, Any]:
        """The settings, and the code."""
        return {**super().identity_key(), "code": code_digest(self.kind)}

    @property
    def patience(self) -> float:
        """Nobody knows what it does."""
        return 10.0

    @property
    def function(self) -> Callable[..., Any]:
        """The function that ``kind`` names; it was allowed as the spec was validated."""
        module, _, name = self.kind.partition(":")
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return function

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """The function's answer for each document."""
        return [self.answer(document) for document in documents]

    def answer(self, document: Document) -> FilterAnswer:
        """The function's answer for one document; raises ``TypeError`` where it is not a valid one."""
        answer = self.function(document, **(self.model_extra or {}))
        match answer:
            case None | True:
                return None
            case (False, str(reason)):
                return Drop(reason)
            case Document(text=text):
                return Change(text, "changed") if text != document.text else None
        raise TypeError(f"it answered {answer!r}, not True, (False, reason) or a Document")

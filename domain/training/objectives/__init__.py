"""Objectives: each turns rows into model inputs, labels and a count of valid tokens; the loop is shared."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from domain.settings import objectives as settings

if TYPE_CHECKING:  # a recipe is opened without torch
    from transformers import PreTrainedTokenizerFast

    from domain.tokens.batch import Batch
    from domain.tokens.packing import Rows


class TextObjective(Protocol):
    """A way to learn from rows."""

    def raw(self, context: int) -> int:
        """Tokens of text in a row, so that the model is given at most ``context``."""
        ...

    def __call__(self, rows: Rows, number: int) -> Batch:
        """Rows [rows, raw + 1] -> Batch. ``number`` is that of the first row in the whole training, counted over all.

        Noise of a row is drawn from the seed and its number alone, so that neither the number of processes nor an
        interruption changes it, and a text that is read again is hidden elsewhere.
        """
        ...


def choose(spec: settings.ObjectiveSettings, tokenizer: PreTrainedTokenizerFast, seed: int) -> TextObjective:
    """The objective that ``spec`` (one of ``domain.settings.objectives``) asks for, with what the tokenizer offers."""
    kinds: dict[type[Any], tuple[str, str]] = {
        settings.Causal: ("causal", "CausalObjective"),
        settings.Masked: ("masked", "MaskedObjective"),
        settings.Span: ("span", "SpanObjective"),
        settings.Denoising: ("denoising", "DenoisingObjective"),
    }
    module, name = kinds[type(spec)]
    made: TextObjective = getattr(import_module(f"{__name__}.{module}"), name)(spec, tokenizer, seed)
    return made

"""Objectives: each turns rows of tokens into model inputs, labels and a count of valid tokens."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from domain.settings import objectives as settings

if TYPE_CHECKING:  # recipes load without torch
    from transformers import PreTrainedTokenizerFast

    from domain.tokens.batch import Batch
    from domain.tokens.packing import Rows


class TextObjective(Protocol):
    """Turns rows of text into batches to train on."""

    def raw(self, context: int) -> int:
        """Tokens of text per row, such that model inputs have at most ``context`` tokens."""
        ...

    def __call__(self, rows: Rows, number: int) -> Batch:
        """Rows [rows, raw + 1] -> Batch. ``number`` is the first row's number in the whole training.

        The noise of a row depends on the seed and its number alone: it is the same for any number of processes and
        after a resume, and differs when the text is repeated in a later epoch.
        """
        ...


def choose(spec: settings.ObjectiveSettings, tokenizer: PreTrainedTokenizerFast, seed: int) -> TextObjective:
    """The objective for ``spec``. Raises ``UserError`` if the tokenizer lacks a special token that it needs."""
    kinds: dict[type[Any], tuple[str, str]] = {
        settings.Causal: ("causal", "CausalObjective"),
        settings.Masked: ("masked", "MaskedObjective"),
        settings.Span: ("span", "SpanObjective"),
        settings.Denoising: ("denoising", "DenoisingObjective"),
    }
    module, name = kinds[type(spec)]
    made: TextObjective = getattr(import_module(f"{__name__}.{module}"), name)(spec, tokenizer, seed)
    return made

"""Checks the examples of instruction tuning: none may contain what the evals ask."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from corpora.decontamination.contamination import decide
from corpora.decontamination.decontaminate import Decontamination, guard
from corpora.document import clean
from domain.errors import UserError
from domain.text.words import Split
from domain.training.instruction.examples_file import Conversation

BATCH = 256  # orders split into words together
SHOWN = 5  # lines named


def refuse_asked(orders: Iterable[Conversation], protected: Path, spec: Decontamination) -> None:
    """Raise a ``UserError`` that names orders which share a run of words with a text of ``protected``.

    It is the user's own file, so none is left out in silence. What many of them hold is boilerplate where several
    items share it, such as an instruction; a whole question never is.
    """
    protection = guard(protected, spec.replace(on_match="drop", max_share=1.0))
    places, finds, stream = list[str](), [np.empty((0, 2), np.int64)], iter(orders)
    while batch := list(islice(stream, BATCH)):
        texts = [clean("\n\n".join(message["content"] for message in order.messages)) for order in batch]
        finds.append(protection.matches(Split(texts), len(places) + np.arange(len(batch))))
        places += [order.place for order in batch]
    contaminated = decide(protection, np.concatenate(finds), np.zeros(len(places), int), [("tuning", "orders")]).dropped
    if not contaminated:
        return
    named = ", ".join(f"{places[number]} ({contaminated[number]})" for number in sorted(contaminated)[:SHOWN])
    more = f" and {len(contaminated) - SHOWN:,} more" if len(contaminated) > SHOWN else ""
    problem = f"{len(contaminated):,} of {len(places):,} orders hold what the evals ask: {named}{more}"
    raise UserError("instruction_tuning.path", problem, "take these lines out of the file")

"""The negative log-likelihood of held-out documents under a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from domain.artifacts import Checkpoint
from domain.errors import UserError
from domain.machine import Machine


def nats_of(
    checkpoint: Checkpoint, texts: list[str], machine: Machine, what: str, objective: Mapping[str, Any] | None = None
) -> np.ndarray:
    """float64 [texts]: the negative log-likelihood (nats) of each text under a checkpoint with its own tokenizer.

    Encoders and encoder-decoders have no likelihood of a whole text: the tokens that ``objective`` (its spec, as in a
    manifest) hides are scored instead, see ``domain.inference.pseudo_likelihood``. Raises ``UserError`` if a
    likelihood is not finite, as after divergence.
    """
    from domain.inference.pseudo_likelihood import restored_nats
    from domain.model.build import load, longest
    from domain.model.device import choose_device
    from domain.model.families import family_of
    from domain.score import document_nats
    from domain.settings.learning import LONGEST_ROW, Training
    from domain.tokenizer.encoding.texts import encode_texts, frame, load_tokenizer
    from domain.training.objectives import choose

    device = choose_device(machine)
    tokenizer, model = load_tokenizer(checkpoint.path), load(checkpoint.path).to(device).eval()
    begin, end = frame(tokenizer)
    context = min(longest(model), LONGEST_ROW)
    ids = encode_texts(tokenizer, texts)
    if family_of(model.config) == "decoder":
        nats = document_nats(model, ids, begin=begin, context=context, machine=machine, what=what)
    else:
        hidden = choose(Training(objective=objective).objective, tokenizer, seed=0)
        framed = [np.concatenate(([begin], each, [end])) for each in ids]
        sizes = [len(text.encode()) for text in texts]
        nats = restored_nats(
            model, hidden, framed, sizes, tokenizer=tokenizer, context=context, machine=machine, what=what
        )
    if not np.isfinite(nats).all():
        problem = f"{np.sum(~np.isfinite(nats)):,} of {len(texts):,} held-out texts have no finite likelihood"
        raise UserError(what, problem, "the model has diverged; lower its learning rate")
    return nats

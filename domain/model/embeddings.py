"""Resize embedding and head to an extended or new vocabulary, and initialize the rows of new pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from domain.errors import UserError
from domain.model.spec import Initial, padded
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.files import SLOW_FILES, TOKENIZER_FILES
from domain.tokenizer.vocabulary_map import parts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

LEAN = 2.0  # of weighted means: a part has e^2 = 7.4 times the weight of the next (AdaptiVocab, arXiv 2503.19693)

Spelt = Mapping[int, Sequence[int]]  # id of a new piece -> the old ids that spell it


def grow(
    model: PreTrainedModel, old: Path, new: Path, *, embedding_init: Initial = "mean", multiple: int = 64
) -> dict[str, Any]:
    """Fit ``model`` with the tokenizer in the folder ``old`` to the one in ``new``; return facts.

    If every old id keeps its piece, the old rows stay bit-identical, and new pieces take spare rows first. In a new
    vocabulary, pieces that the old one has take their rows along. Any other piece is initialized from its parts, the
    old pieces that spell it (``domain.tokenizer.vocabulary_map``), or as the mean of all rows if it has no parts:

    - ``mean``: the mean of the parts' rows, in both embedding and head (as in ChipNeMo, arXiv 2311.00176).
    - ``weighted``: the last part has the largest weight in the embedding, since the text continues from it, and the
      first in the head, since the old model would predict it next. A tied matrix takes the mean of both.
    - ``zero_output``: the embedding as for ``mean``, zeros in the head and its bias, so the logit of a new piece is 0.
      Raises ``UserError`` if they are tied.
    - ``random``: normal with mean 0 and the deviation of the old rows, from a fixed seed; for comparison.

    Rows are padded to a ``multiple``. A padding row is the mean of all rows: with 63 of them beside 512 the bits per
    byte of a small Llama rose by a factor of 4e-7, with rows of zeros by 5e-5. The softmax weight of a mean row is at
    most that of the average piece (Jensen; J. Hewitt, Initializing new word embeddings, 2021).

    facts: ``kind`` (same, extended or new), ``rows``; unless same also ``embedding_init``, new ``pieces``, ``parts``
    (mean), and ``new_rows`` [first, end), the rows after the old ids. If ``old`` has no tokenizer, no piece has parts.
    Raises ``UserError`` if the old ids exceed the model's rows.
    """
    before, after = tokenizer_in(old), load_tokenizer(new)
    had, has = before.get_vocab() if before else {}, after.get_vocab()
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    old_rows, size = table.weight.shape[0], 1 + max(has.values())
    old_size = 1 + max(had.values()) if had else old_rows
    if old_size > old_rows:
        problem = f"its tokenizer has {old_size:,} pieces, but the model only {old_rows:,} rows"
        raise UserError("base", problem, "choose a base with a matching tokenizer")
    if had == has:
        return {"kind": "same", "rows": old_rows}
    tied = head.weight is table.weight
    if tied and embedding_init == "zero_output":
        problem = "is zero_output, but the head of this base is tied to its embedding"
        raise UserError("base.embedding_init", problem, "choose mean or weighted")
    extended = bool(had) and all(has.get(piece) == number for piece, number in had.items())
    rows = old_rows if extended and size <= old_rows else padded(size, multiple)
    spelt: Spelt = parts(before, after) if before else dict.fromkeys(sorted(has.values()), ())

    # All new rows are computed from the old matrices before these are resized.
    lean = LEAN if embedding_init == "weighted" else 0.0
    chance = torch.Generator().manual_seed(0) if embedding_init == "random" else None
    made = {"table": initial_rows(table.weight, old_size, spelt, (lean, -lean) if tied else (lean,), chance)}
    if not tied:
        made["head"] = initial_rows(head.weight, old_size, spelt, (-lean,), chance)
    if (bias := bias_of(model)) is not None:
        made["bias"] = initial_rows(bias[:, None], old_size, spelt, (-lean,))[:, 0]
    if embedding_init == "zero_output":
        for name in made.keys() - {"table"}:
            made[name][:-1] = 0  # the last row is for padding
    resize(model, rows)

    # Spare rows of an extended model stay as they were trained.
    ids = set(has.values())
    padding = [number for number in range(old_rows if extended else 0, rows) if number not in ids]
    places = torch.tensor([*spelt, *padding], dtype=torch.int64)
    order = torch.tensor([*range(len(spelt)), *[len(spelt)] * len(padding)], dtype=torch.int64)
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    targets = {"table": table.weight, "head": head.weight, "bias": bias_of(model)}
    with torch.no_grad():
        for name, values in made.items():
            targets[name][places] = values[order]
    # A suppressed id may be a piece now, or mean another piece in a new vocabulary.
    if (generation_config := getattr(model, "generation_config", None)) is not None:  # encoders have none
        suppressed = [number for number in generation_config.suppress_tokens or () if extended and number not in spelt]
        generation_config.suppress_tokens = suppressed or None
    return {
        "kind": "extended" if extended else "new",
        "embedding_init": embedding_init,
        "pieces": len(spelt),
        "parts": round(sum(map(len, spelt.values())) / max(1, len(spelt)), 3),
        "rows": rows,
        "new_rows": [old_size if extended else 0, size],
    }


@torch.no_grad()
def initial_rows(
    rows: torch.Tensor, old_size: int, spelt: Spelt, leans: Sequence[float], chance: torch.Generator | None = None
) -> torch.Tensor:
    """[new pieces + 1, width]: initial rows of the pieces in ``spelt``, in its order, and one for padding.

    ``rows`` [any, width] are the old rows, of which the first ``old_size`` belong to pieces. Part i has the weight
    exp(lean i), averaged over ``leans``. With ``chance``, rows are drawn from that generator instead.
    """
    trained = rows[:old_size]
    average = trained.mean(dim=0, keepdim=True)
    if not spelt:  # a new vocabulary may consist of old pieces only
        return average
    if chance is not None:
        drawn = torch.randn(len(spelt), rows.shape[1], generator=chance).to(rows) * trained.std()
        return torch.cat([drawn, average])
    counts = [len(pieces) for pieces in spelt.values()]
    share = {n: torch.stack([(lean * torch.arange(n)).softmax(0) for lean in leans]).mean(0) for n in set(counts)}
    summed = functional.embedding_bag(
        torch.tensor([part for pieces in spelt.values() for part in pieces], dtype=torch.int64),
        rows,
        torch.tensor([0, *counts[:-1]], dtype=torch.int64).cumsum(0),
        mode="sum",
        per_sample_weights=torch.cat([share[n] for n in counts]).to(rows),
    )
    without = torch.tensor(counts)[:, None] == 0
    return torch.cat([torch.where(without, average, summed), average])


def tokenizer_in(folder: Path) -> PreTrainedTokenizerFast | None:
    """The tokenizer in the folder of the weights; None if there is none. Raises ``UserError`` if it is broken.

    Without any of these files transformers would create an empty tokenizer of the model's type.
    """
    names = (*TOKENIZER_FILES, *SLOW_FILES)
    return load_tokenizer(folder) if any((folder / name).is_file() for name in names) else None


def resize(model: PreTrainedModel, rows: int) -> None:
    """Resize embedding, head and bias to ``rows``, keeping old rows, and update the configuration."""
    model.resize_token_embeddings(rows, mean_resizing=False)
    for config in (model.config, model.config.get_text_config()):
        if hasattr(config, "vocab_size"):  # multimodal models may state it in both, or only in the second
            config.vocab_size = rows


def bias_of(model: PreTrainedModel) -> torch.Tensor | None:
    """[rows]: the bias of the logits: the head's, or the buffer that BART has instead."""
    beside_it: torch.Tensor | None = getattr(model, "final_logits_bias", None)
    own: torch.Tensor | None = model.get_output_embeddings().bias
    return own if beside_it is None else beside_it[0]


def move_positions(model: PreTrainedModel, pad: int) -> None:
    """Move position embeddings that start after the padding id (``AFTER_PADDING``) to start after ``pad``."""
    embeddings = model.base_model.embeddings
    learned = embeddings.position_embeddings.weight[embeddings.padding_idx + 1 :].detach()
    rows = pad + 1 + len(learned)
    moved = torch.nn.Embedding(rows, learned.shape[1], padding_idx=pad, dtype=learned.dtype, device=learned.device)
    with torch.no_grad():
        moved.weight.zero_()
        moved.weight[pad + 1 :] = learned
    embeddings.position_embeddings, embeddings.padding_idx, model.config.max_position_embeddings = moved, pad, rows
    embeddings.position_ids = torch.arange(rows, device=learned.device)[None]
    embeddings.token_type_ids = torch.zeros_like(embeddings.position_ids)

"""The same text as the Trainer takes it: the loop's own rows, or a padded document a row, as is its custom."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import pad_sequence

from domain.model.masks import positions
from domain.tokens.batch import IGNORED
from tests.benchmarks.training.material import SIGNS, Material
from tests.benchmarks.training.paced import CAUSAL

PAD = [*SIGNS].index("pad_token")


class PackedRows(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """The loop's rows, so that both learn the same: labels shifted, and positions that begin anew in each document.

    From those transformers makes masks that keep the documents apart.
    """

    def __init__(self, material: Material) -> None:
        self.batches = material.batches

    def __len__(self) -> int:
        return len(self.batches) * self.batches.rows

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        index, row = divmod(number, self.batches.rows)
        batch = CAUSAL(self.batches.part(index, row, self.batches.rows), number)
        told = {"input_ids": batch.inputs["input_ids"], "position_ids": positions(batch.segments["input_ids"])}
        told |= {"labels": batch.labels, "shift_labels": batch.labels}
        return {name: tensor[0] for name, tensor in told.items()}

    def collated(self, rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Rows as a batch."""
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


class PaddedDocuments(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """A document a row, cut where the model's context ends and padded to the longest of its batch.

    ``valid`` counts the tokens learned from in each batch so far.
    """

    def __init__(self, material: Material) -> None:
        self.context, self.valid = material.shape.context, list[int]()
        self.source = next(packed for _, packed, _ in material.batches.each()).source

    def __len__(self) -> int:
        return len(self.source.lengths)

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(self.source.document(number)[: self.context].astype("int64"))

    def collated(self, rows: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        """As ``DataCollatorForLanguageModeling`` does where nothing is masked."""
        padded = pad_sequence(rows, batch_first=True, padding_value=PAD)
        here = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        self.valid.append(int(here[:, 1:].sum()))
        return {"input_ids": padded, "attention_mask": here, "labels": padded.masked_fill(here == 0, IGNORED)}

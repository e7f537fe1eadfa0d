"""A transformers sequence classifier as a scorer: slow, and better where it is the meaning that counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import UserError
from domain.text.classifier_files import label_names, open_classifier, window
from domain.text.scorers.scores import Scores, chosen
from domain.text.words import Split
from domain.tokenizer.encoding.tokenizer_file import encoding_errors

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

BATCH = 32  # windows


class Transformer:
    """A text longer than the model reads is judged in windows; its score is their mean, weighted by their pieces.

    A model of one answer among several gives the sum of the ``labels``' probabilities, a model whose answers stand
    each for itself (``multi_label_classification``) the highest of them. A model that answers with a number, from 0 to
    ``scale`` (regression), gives its share of that.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, labels: Sequence[str], device: str = "cpu",
        scale: float | None = None,
    ) -> None:  # fmt: skip
        self.model, self.tokenizer, self.device = model.to(device).eval(), tokenizer, device
        self.scale = scale
        names = label_names(model)
        self.rows, self.labels = chosen(names, "", labels)
        self.apart = model.config.problem_type == "multi_label_classification" or len(names) == 1
        self.longest = window(model, tokenizer)

    def score(self, split: Split) -> Scores:
        """How harmful each text of the split is; the split's words are not used, the model has pieces of its own."""
        sums, pieces = np.zeros((len(split), len(self.labels))), np.zeros(len(split))
        if len(split):
            with encoding_errors("harm: transformer"):
                windows = self.tokenizer(
                    list(split.texts),
                    truncation=True,
                    max_length=self.longest,
                    return_overflowing_tokens=True,
                    return_token_type_ids=False,
                )
            owner = np.array(windows["overflow_to_sample_mapping"])
            lengths = np.array([len(ids) for ids in windows["input_ids"]])
            order = np.argsort(-lengths, kind="stable")  # windows of a length share a batch: little padding
            for begin in range(0, len(order), BATCH):
                batch = order[begin : begin + BATCH]
                likely = self.likely([windows["input_ids"][i] for i in batch])
                np.add.at(sums, owner[batch], likely[:, self.rows] * lengths[batch, None])
                np.add.at(pieces, owner[batch], lengths[batch])
        by_label = sums / np.maximum(1, pieces)[:, None]
        by_label[np.diff(split.offsets) == 0] = 0.0  # nothing was said
        values = by_label.max(axis=1) if self.apart else by_label.sum(axis=1)
        return Scores(values, self.labels, by_label.argmax(axis=1))

    def likely(self, ids: list[list[int]]) -> np.ndarray:
        """float64 [windows, all labels]: the model's probabilities."""
        import torch

        batch = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            logits = self.model(**batch).logits.double()
        if self.scale is not None:
            return np.asarray((logits / self.scale).clamp(0.0, 1.0).cpu().numpy())
        return np.asarray((logits.sigmoid() if self.apart else logits.softmax(dim=-1)).cpu().numpy())

    @classmethod
    def load(
        cls, weights: str, labels: Sequence[str] = (), device: str = "cpu", scale: float | None = None
    ) -> Transformer:
        """``weights`` is org/model@commit or a folder; safetensors only, no code of its own. Raises ``UserError``."""
        from transformers import AutoModelForSequenceClassification

        place = f"harm: transformer: {weights}"
        model, tokenizer = open_classifier(AutoModelForSequenceClassification, weights, place, "sequence classifier")
        numbers = model.config.num_labels == 1 or model.config.problem_type == "regression"
        if scale is None and model.config.problem_type == "regression":
            raise UserError(place, "answers with a number and not with labels", "say how high it goes, as in scale: 5")
        if scale is not None and not numbers:
            problem = f"answers with one of {model.config.num_labels} labels and not with a number"
            raise UserError(place, problem, "name labels instead of scale")
        return cls(model, tokenizer, labels, device, scale)

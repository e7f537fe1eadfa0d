"""Names of persons and addresses in texts, found by a token classifier of transformers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from domain.errors import UserError
from domain.text.classifier_files import label_names, open_classifier, window
from domain.text.privacy import Find
from domain.tokenizer.encoding.tokenizer_file import encoding_errors

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

NameKind = Literal["person", "address"]
BATCH = 32  # windows
STRIDE = 64  # pieces that neighbouring windows share at most: each is judged where more stands around it
POSITION = re.compile(r"[BIESLU][-_](?=.)")  # of a word within a name, as IOB2 and BILOU write it before the label
# Labels by what common models call them, without their positions.
USUAL: dict[str, NameKind] = {
    **dict.fromkeys(("PER", "PERSON", "PERS", "NAME", "NAME_STUDENT", "GIVENNAME", "SURNAME", "FIRSTNAME", "MIDDLENAME",
                     "LASTNAME", "PATIENT", "STAFF", "HCW"), "person"),
    **dict.fromkeys(("ADDRESS", "STREET_ADDRESS", "STREETADDRESS", "STREET", "BUILDINGNUM", "BUILDINGNUMBER", "ZIPCODE",
                     "SECONDARYADDRESS"), "address"),
}  # fmt: skip
PLACEHOLDER = re.compile("<[A-Z_]{2,20}>")
WITHIN_NAME = re.compile(r"[\s.,'’-]{0,3}")  # what may stand between two words of one name


@dataclass(frozen=True)
class Word:
    """``text[start:end]`` and what it is."""

    start: int
    end: int
    kind: NameKind | None


@dataclass(frozen=True, eq=False)
class LabelledPiece:
    """``text[start:end]``, part of the tokenizer's word of this number; ``likely``: float64 [labels]."""

    word: int | None
    start: int
    end: int
    likely: np.ndarray


def whole_words(text: str, pieces: Sequence[LabelledPiece]) -> Iterator[list[LabelledPiece]]:
    """Pieces by word: the tokenizer's, and none with white space in it, as a tokenizer without words would have."""
    parts: list[LabelledPiece] = []
    for piece in pieces:
        if parts and (piece.word != parts[-1].word or text[parts[-1].end : piece.start + 1].isspace()):
            yield parts
            parts = []
        parts.append(piece)
    if parts:
        yield parts


class NameFinder:
    """Finds names by a model's labels: a word counts as of a kind if the kind's labels together are likelier than
    ``threshold``. ``labels`` says which label is what, such as ``{"PER": "person"}``; without it usual ones are known.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        labels: Mapping[str, NameKind],
        threshold: float,
    ) -> None:
        self.model, self.tokenizer, self.threshold = model.eval(), tokenizer, threshold
        names = [POSITION.sub("", name) for name in label_names(model)]
        kinds = labels or {name: USUAL[name.upper()] for name in names if name.upper() in USUAL}
        unknown = sorted(set(labels) - set(names)) or ([] if kinds else ["person or address"])
        if unknown:
            problem = f"the model has no label {unknown[0]}"
            raise UserError("filters: names: labels", problem, f"say which are names: {', '.join(sorted(set(names)))}")
        self.kinds: list[NameKind | None] = [kinds.get(name) for name in names]
        self.longest = window(model, tokenizer)

    @classmethod
    def load(cls, weights: str, labels: Mapping[str, NameKind], threshold: float = 0.5) -> NameFinder:
        """``weights`` is org/model@commit or a folder; safetensors only, no code of its own. Raises ``UserError``."""
        from transformers import AutoModelForTokenClassification

        place = f"filters: names: {weights}"
        model, tokenizer = open_classifier(AutoModelForTokenClassification, weights, place, "token classifier")
        return cls(model, tokenizer, labels, threshold)

    def find(self, texts: Sequence[str]) -> list[list[Find]]:
        """The names in each text, in order; a name never touches a placeholder such as <EMAIL>."""
        return [list(self.joined(text, words)) for text, words in zip(texts, self.words(texts), strict=True)]

    def joined(self, text: str, words: Sequence[Word]) -> Iterator[Find]:
        """Neighbouring words of a kind are one name; where a model says that a name begins is not heeded."""
        taken = [match.span() for match in PLACEHOLDER.finditer(text)]
        start, last = 0, None
        for word in (*words, Word(len(text), len(text), None)):
            if last is not None and word.kind == last.kind and WITHIN_NAME.fullmatch(text, last.end, word.start):
                last = word
                continue
            if last is not None and last.kind and not any(low < last.end and start < high for low, high in taken):
                yield Find(start, last.end, last.kind)
            start, last = word.start, word if word.kind else None

    def words(self, texts: Sequence[str]) -> list[list[Word]]:
        """The words of each text that hold something to read, by the mean of their pieces' probabilities."""
        by_text: list[list[Word]] = [[] for _ in texts]
        for number, (text, pieces) in enumerate(zip(texts, self.pieces(texts), strict=True)):
            for parts in whole_words(text, pieces):
                start, end = min(part.start for part in parts), max(part.end for part in parts)
                start += len(text[start:end]) - len(text[start:end].lstrip())
                end -= len(text[start:end]) - len(text[start:end].rstrip())
                if start < end:
                    likely = np.mean([part.likely for part in parts], axis=0)
                    by_text[number].append(self.judged(start, end, likely))
        return by_text

    def judged(self, start: int, end: int, likely: np.ndarray) -> Word:
        """A word by its labels' probabilities (float64 [labels])."""
        for kind in ("person", "address"):
            if likely[[each == kind for each in self.kinds]].sum() > self.threshold:
                return Word(start, end, kind)
        return Word(start, end, None)

    def pieces(self, texts: Sequence[str]) -> list[list[LabelledPiece]]:
        """The pieces of each text, windows put together."""
        by_text: list[list[LabelledPiece]] = [[] for _ in texts]
        if not texts:
            return by_text
        stride = min(STRIDE, self.longest // 4)
        with encoding_errors("names"):
            windows = self.tokenizer(
                list(texts), truncation=True, max_length=self.longest, stride=stride, return_overflowing_tokens=True,
                return_offsets_mapping=True, return_special_tokens_mask=True, return_token_type_ids=False,
            )  # fmt: skip
        likely = self.likely(windows["input_ids"])
        last = -1
        for number, owner in enumerate(windows["overflow_to_sample_mapping"]):
            real = [i for i, mark in enumerate(windows["special_tokens_mask"][number]) if not mark]
            ids, offsets = windows.word_ids(number), windows["offset_mapping"][number]
            here = [LabelledPiece(ids[i], offsets[i][0], offsets[i][1], likely[number][i]) for i in real]
            if owner == last:  # of what two windows share, each has the half that is farther from its edge
                half = min(stride, len(by_text[owner])) // 2
                del by_text[owner][len(by_text[owner]) - half :]
                here = here[min(stride, len(here)) - half :]
            by_text[owner].extend(here)
            last = owner
        return by_text

    def likely(self, ids: Sequence[list[int]]) -> list[np.ndarray]:
        """float64 [pieces, labels] of each window; those of a length share a batch, so that there is little padding."""
        import torch

        by_window: dict[int, np.ndarray] = {}
        order = sorted(range(len(ids)), key=lambda number: -len(ids[number]))
        for first in range(0, len(order), BATCH):
            some = order[first : first + BATCH]
            batch = self.tokenizer.pad({"input_ids": [ids[number] for number in some]}, return_tensors="pt")
            with torch.inference_mode():
                scores = self.model(**batch.to(self.model.device)).logits.double().softmax(dim=-1).cpu().numpy()
            by_window.update(zip(some, scores, strict=True))
        return [by_window[number] for number in range(len(ids))]

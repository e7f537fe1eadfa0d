"""Masks names of persons and addresses found by a token classification model of the recipe; off by default."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field

from corpora.document import Document
from corpora.filters.filter import Change, Filter, FilterAnswer
from domain.pretrained.weights import weights_identity
from domain.spec import RecipePathOrHub, Share
from domain.text.names import NameFinder, NameKind
from domain.text.privacy import masked
from domain.text.words import Split


class PersonNames(Filter):
    """Each name becomes <PERSON>, each address <ADDRESS>. Put it behind privacy, whose placeholders it leaves alone."""

    libraries = ("transformers",)

    kind: Literal["names"] = "names"
    model: Annotated[RecipePathOrHub, Field(description="a token classifier: org/model@commit or a folder")]
    labels: Annotated[
        dict[str, NameKind],
        Field(
            default_factory=dict,
            description="what the model's labels, without B- and I-, are: {PER: person, LOC: address}",
        ),
    ]
    threshold: Annotated[Share, Field(description="probability above which a word is masked")] = 0.5

    def identity_key(self) -> dict[str, Any]:
        """The model by its content."""
        return {**super().identity_key(), "model": weights_identity(self.model, f"filters: names: {self.model}")}

    @property
    def patience(self) -> float:
        """A model takes some seconds of all cores for a long text."""
        return 100.0

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Change each document where a name is found."""
        texts = [document.text for document in documents]
        finder = open_names(self.model, tuple(sorted(self.labels.items())), self.threshold)
        answers: list[FilterAnswer] = []
        for text, finds in zip(texts, finder.find(texts), strict=True):
            changed, counts = masked(text, finds)
            detail = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
            answers.append(Change(changed, "names: masked", detail) if finds else None)
        return answers


@lru_cache(maxsize=4)
def open_names(model: str, labels: tuple[tuple[str, NameKind], ...], threshold: float) -> NameFinder:
    """The finder that is named, loaded once in a process; raises ``UserError``."""
    if multiprocessing.parent_process() is not None:  # one of several workers: each takes one core, not all
        import torch

        torch.set_num_threads(1)
    return NameFinder.load(model, dict(labels), threshold)

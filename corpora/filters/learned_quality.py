"""Learned quality: a linear model of your own, a fastText model like DCLM's, or a transformers classifier."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from corpora.document import Document
from corpora.filters.filter import Drop, FilterAnswer
from corpora.filters.harm import digest
from domain.pretrained.hub_file import hub_file, hub_file_identity, is_on_hub
from domain.pretrained.weights import weights_identity
from domain.spec import RecipePath, RecipePathOrHub, Spec
from domain.text.scorers import Scorer, Scores
from domain.text.words import Split
from domain.userfile import open_file

QUALITY_SPELLINGS = (
    "{linear: model.safetensors}, {fasttext: model.bin, labels: [hq]} (also org/model@commit) or "
    "{transformer: org/model@commit, labels: [good]} (or scale: 5)"
)
OTHERS = "*"  # sources that a threshold does not name

# DCLM's classifier of instruction-like text (Li et al., arXiv 2406.11794, section 4.4): {fasttext: ..., labels: [hq]}.
DCLM_MODEL = "mlfoundations/fasttext-oh-eli5"
# FineWeb-Edu's classifier of educational value, 0 to 5, 3 being their threshold (Penedo et al., arXiv 2406.17557,
# section 4): {transformer: ..., scale: 5} with threshold: 0.6.
FINEWEB_EDU_MODEL = "HuggingFaceFW/fineweb-edu-classifier"


class QualityScoring(Spec):
    """Which model: one of the three. Paths are the recipe's."""

    linear: Annotated[RecipePath | None, Field(description="a model that shoptalk quality train made")] = None
    fasttext: Annotated[
        RecipePathOrHub | None, Field(description="a supervised model of fastText, .bin or .ftz, or org/model@commit")
    ] = None
    transformer: Annotated[
        RecipePathOrHub | None, Field(description="a sequence classifier: org/model@commit or a folder")
    ] = None
    labels: Annotated[tuple[str, ...], Field(description="which of the model's labels are good text")] = ()
    scale: Annotated[
        float | None, Field(gt=0, le=1e6, description="the highest answer of a transformer that answers with a number")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(f"write {QUALITY_SPELLINGS}")
        return value

    @model_validator(mode="after")
    def _one(self) -> QualityScoring:
        named = [name for name in ("linear", "fasttext", "transformer") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(f"names {len(named)} models; write {QUALITY_SPELLINGS}")
        if self.scale is not None and (named != ["transformer"] or self.labels):
            raise ValueError("scale is for a transformer that answers with a number, and then there are no labels")
        if named == ["linear"] and self.labels:
            raise ValueError("a linear model knows its labels; take labels out")
        if named != ["linear"] and not self.labels and self.scale is None:
            raise ValueError(f"{named[0]} needs labels: which of its answers are good text")
        return self

    def identity_key(self) -> dict[str, Any]:
        """Files by their content."""
        content: dict[str, Any] = {"labels": list(self.labels), "scale": self.scale}
        if self.linear is not None:
            content["linear"] = digest(self.linear, "quality")
        if self.fasttext is not None:
            on_hub = is_on_hub(self.fasttext)
            content["fasttext"] = hub_file_identity(self.fasttext) if on_hub else digest(self.fasttext, "quality")
        if self.transformer is not None:
            content["transformer"] = weights_identity(self.transformer, f"filters: quality: {self.transformer}")
        return content


def quality_scores(scoring: QualityScoring, split: Split) -> np.ndarray:
    """float64 [texts], 0 to 1: how good each text is."""
    values = open_quality_scorer(scoring).score(split).values
    return 1.0 - values if scoring.linear is not None else values  # the linear model scores what is not good


@lru_cache(maxsize=8)
def open_quality_scorer(scoring: QualityScoring) -> Scorer:
    """The model that is named, loaded once in a process; raises ``UserError``."""
    for file in (scoring.linear, scoring.fasttext):
        if file is not None and os.path.exists(file):
            open_file(Path(file)).close()  # a pipe or device might never end
    if scoring.linear is not None:
        from domain.text.scorers.linear import Linear

        return Linear.load(Path(scoring.linear), purpose="quality")
    if scoring.fasttext is not None:
        from domain.text.scorers.fasttext import FastText

        path = hub_file(scoring.fasttext) if is_on_hub(scoring.fasttext) else Path(scoring.fasttext)
        return FastText.load(path, scoring.labels, window=None)
    from domain.text.scorers.transformer import Transformer

    assert scoring.transformer is not None
    if multiprocessing.parent_process() is not None:  # one of several workers: each takes one core, not all
        import torch

        torch.set_num_threads(1)
    return Transformer.load(scoring.transformer, scoring.labels, scale=scoring.scale)


class Badness:
    """A quality scorer turned round, so that what counts harm counts bad text."""

    labels = ("bad",)

    def __init__(self, scoring: QualityScoring) -> None:
        self.scoring = scoring

    def score(self, split: Split) -> Scores:
        """How bad each text of the split is."""
        return Scores(1.0 - quality_scores(self.scoring, split), self.labels, np.zeros(len(split), np.int64))


def by_quality(
    scoring: QualityScoring, threshold: float | Mapping[str, float], documents: Sequence[Document], split: Split
) -> list[FilterAnswer]:
    """Drop what scores below its source's threshold; a source without one keeps everything."""
    answers: list[FilterAnswer] = []
    for document, score in zip(documents, quality_scores(scoring, split).tolist(), strict=True):
        least = threshold_of(threshold, document.source)
        answers.append(Drop("quality: learned", f"{score:.2f}", score) if score < least else None)
    return answers


def threshold_of(threshold: float | Mapping[str, float], source: str) -> float:
    """The threshold of a source: its own, else that of all others."""
    if isinstance(threshold, Mapping):
        return threshold.get(source, threshold.get(OTHERS, 0.0))
    return threshold

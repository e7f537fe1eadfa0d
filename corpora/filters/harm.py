"""Drops profanity by a word list, harmful text by one of three kinds of model, and text from blocked addresses."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from corpora.document import Document
from corpora.filters.blocked import read_block_list
from corpora.filters.filter import Drop, Filter, FilterAnswer
from domain.errors import UserError
from domain.manifest import file_sha256
from domain.pretrained.weights import weights_identity
from domain.spec import RecipePath, RecipePathOrHub, Share, Spec
from domain.text.scorers import Scorer
from domain.text.words import Split
from domain.userfile import open_file

# What to write for a scorer, in a recipe as well as on the command line.
SPELLINGS = (
    "words, {words: list.txt}, {linear: model.safetensors}, {fasttext: model.bin, labels: [toxic]} "
    "or {transformer: org/model@commit, labels: [toxic]}"
)

# RoBERTa of Vidgen et al. (arXiv 2012.15761), trained in four rounds on what people wrote to fool it; the commit has
# safetensors. Labels: nothate, hate.
HATE_MODEL = "facebook/roberta-hate-speech-dynabench-r4-target@8266450382e3ef0ddfb92b8393e84716f63fc736"


class Scoring(Spec):
    """Which scorer: the list that ships if nothing is named, else one of the four. Paths are the recipe's."""

    words: Annotated[RecipePath | None, Field(description="a list of one's own: a word or phrase a line")] = None
    linear: Annotated[RecipePath | None, Field(description="a model that shoptalk harm train made")] = None
    fasttext: Annotated[RecipePath | None, Field(description="a supervised model of fastText, .bin or .ftz")] = None
    transformer: Annotated[
        RecipePathOrHub | None, Field(description="a sequence classifier: org/model@commit or a folder")
    ] = None
    labels: Annotated[tuple[str, ...], Field(description="which of the model's labels are harm")] = ()

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value != "words":
                raise ValueError(f"write {SPELLINGS}")
            return {}
        return value

    @model_validator(mode="after")
    def _one(self) -> Scoring:
        scorers = ("words", "linear", "fasttext", "transformer")
        named = [name for name in scorers if getattr(self, name) is not None]
        if len(named) > 1:
            raise ValueError("names several scorers; name one, or list the filter once for each")
        if self.labels and named in ([], ["words"]):
            raise ValueError("labels are a model's; a word list has none to choose from")
        if not self.labels and named in (["fasttext"], ["transformer"]):
            raise ValueError(f"{named[0]} needs labels: which of its answers are harm")
        return self

    @property
    def finds(self) -> str:
        """What a document is dropped for. The list that ships finds profanity: most of what is hateful is polite."""
        return "profanity" if self == Scoring() else "harm"

    def identity_key(self) -> dict[str, Any]:
        """Files by their content."""
        content: dict[str, Any] = {"labels": list(self.labels)}
        for name in ("words", "linear"):
            path = getattr(self, name)
            content[name] = None if path is None else digest(path)
        content["transformer"] = (
            None
            if self.transformer is None
            else weights_identity(self.transformer, f"filters: harm: {self.transformer}")
        )
        if self.fasttext is not None:  # else nothing is said: what was made before there was this kind is found again
            content["fasttext"] = digest(self.fasttext)
        return content


class Harm(Filter):
    """A document goes whose score is above the threshold, or whose address is on the block list.

    The word list that ships finds profanity and no hate: on functional tests of hate a text that is hateful and polite
    scores 0. For hate name a classifier, for instance ``HATE_MODEL``.
    """

    kind: Literal["harm"] = "harm"
    scorer: Annotated[Scoring, Field(description=SPELLINGS)] = Scoring()
    threshold: Annotated[
        Share, Field(description="score above which a document goes; shoptalk harm calibrate finds one for a domain")
    ] = 0.5
    block: Annotated[RecipePath | None, Field(description="a file of domains and beginnings of URLs, one a line")] = (
        None
    )

    def identity_key(self) -> dict[str, Any]:
        """Files by their content."""
        block = None if self.block is None else digest(self.block)
        return {"kind": self.kind, "scorer": self.scorer.identity_key(), "threshold": self.threshold, "block": block}

    @property
    def patience(self) -> float:
        """A transformer takes some seconds of all cores for a long text."""
        return 1.0 if self.scorer.transformer is None else 100.0

    def judge(self, documents: Sequence[Document], split: Split) -> list[FilterAnswer]:
        """Drop above the threshold or by address."""
        blocked = None if self.block is None else read_block_list(Path(self.block))
        scores = open_scorer(self.scorer).score(split)
        verdicts: list[FilterAnswer] = [None] * len(documents)
        for i in (scores.values > self.threshold).nonzero()[0].tolist():
            value = float(scores.values[i])
            verdicts[i] = Drop(f"{self.scorer.finds}: {scores.label(i)}", f"{value:.2f}", value)
        for i, document in enumerate(documents):
            entry = blocked.entry(document.url) if blocked is not None and document.url else None
            if entry is not None:
                verdicts[i] = Drop("blocked: url", entry)
        return verdicts


@lru_cache(maxsize=8)
def open_scorer(scoring: Scoring) -> Scorer:
    """The scorer that is named, loaded once in a process; raises ``UserError``."""
    for file in (scoring.words, scoring.linear, scoring.fasttext):
        if file is not None and os.path.exists(file):
            open_file(Path(file)).close()  # a pipe or device might never end
    if scoring.linear is not None:
        from domain.text.scorers.linear import Linear

        return Linear.load(Path(scoring.linear), scoring.labels)
    if scoring.fasttext is not None:
        from domain.text.scorers.fasttext import FastText

        return FastText.load(Path(scoring.fasttext), scoring.labels)
    if scoring.transformer is not None:
        from domain.text.scorers.transformer import Transformer

        if multiprocessing.parent_process() is not None:  # one of several workers: each takes one core, not all
            import torch

            torch.set_num_threads(1)
        return Transformer.load(scoring.transformer, scoring.labels)
    from domain.text.profanity import built_in, read_list

    return built_in() if scoring.words is None else read_list(Path(scoring.words))


def digest(path: str, purpose: str = "harm") -> str:
    """SHA-256 of a file that a recipe names; raises ``UserError``."""
    try:
        open_file(Path(path)).close()
        return file_sha256(Path(path))
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise UserError(
            f"filters: {purpose}: {path}", problem, "correct the path, which is relative to the recipe"
        ) from None

"""fastText's own classifiers as a scorer: teams publish them for harm and for quality; they need no accelerator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import UserError
from domain.text.scorers.fasttext_file import Classifier, read_classifier
from domain.text.scorers.scores import Scores, chosen
from domain.text.scorers.windows import window_bounds, window_means
from domain.text.words import Split

PREFIX = "__label__"  # fastText's mark of a label
WINDOW_WORDS = 64  # words of fastText, which are what stands between blanks: about a post, as the examples mostly are
WORD = re.compile(r"[^ \n\r\t\v\f\0]+")
END = "</s>"  # fastText's end of a line: written in a text it would hide what follows


class FastText:
    """A text is judged in windows, each a line as fastText reads it. Its score is their mean: the harmful share of it.

    With a ``window`` of None a text is one line, as such models of quality read it.

    A model of one answer among several (softmax, hierarchical softmax) gives the sum of the ``labels``' probabilities,
    a model whose answers stand each for itself (one-vs-all, negative sampling) the highest of them.
    """

    def __init__(
        self, model: Any, path: Path, classifier: Classifier, labels: Sequence[str], window: int | None = WINDOW_WORDS
    ) -> None:
        self.model, self.path, self.apart, self.window = model, path, classifier.apart, window
        names = [name.removeprefix(PREFIX) for name in classifier.labels]
        rows, self.labels = chosen(names, "", [label.removeprefix(PREFIX) for label in labels])
        self.harm_labels = [classifier.labels[row] for row in rows]

    def score(self, split: Split) -> Scores:
        """How harmful each text of the split is; the split's words are not used, fastText has words of its own."""
        texts = [[word for word in WORD.findall(text) if word != END] for text in split.texts]
        offsets = np.cumsum([0, *map(len, texts)])
        words = [word for text in texts for word in text]
        bounds, owner = window_bounds(offsets, self.window or max(1, len(words)))
        likely = [self.likely(" ".join(words[begin:end])) for begin, end in pairwise(bounds.tolist())]
        by_label = window_means(np.array(likely).reshape(-1, len(self.harm_labels)), owner, len(split))
        by_label[np.diff(offsets) == 0] = 0.0  # nothing was said
        values = by_label.max(axis=1) if self.apart else by_label.sum(axis=1)
        return Scores(np.minimum(1.0, values), self.labels, by_label.argmax(axis=1))

    def likely(self, line: str) -> list[float]:
        """The probabilities of what was asked for; fastText adds 1e-5 to each. 0 where the model knows no word.

        Raises ``UserError`` where weights are no numbers.
        """
        try:
            probabilities = dict(zip(*self.model.predict(line, k=-1), strict=True))
        except RuntimeError as error:
            raise UserError(str(self.path), f"gives no answer ({error})", "get the model's file anew") from None
        return [probabilities.get(label, 0.0) for label in self.harm_labels]

    @classmethod
    def load(cls, path: Path, labels: Sequence[str], window: int | None = WINDOW_WORDS) -> FastText:
        """A supervised model, .bin or .ftz; raises ``UserError`` for anything else."""
        try:
            import fasttext
        except ImportError:
            raise UserError(
                str(path), "needs the package fasttext-predict", "pip install 'shoptalk[fasttext]'"
            ) from None
        classifier = read_classifier(path)
        return cls(fasttext.load_model(str(path)), path, classifier, labels, window)

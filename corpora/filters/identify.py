"""Which language a text is in: the model that py3langid carries, walked over many texts at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

CHARACTERS = 2_000  # looked at, from the start of a text
# Every language that the model knows; zxx is text of no language: numbers, markup.
LANGUAGES = (
    "ace", "af", "am", "an", "ar", "ary", "arz", "as", "az", "ba", "bcl", "be", "bg", "bn", "br", "bs", "ca", "crh",
    "cs", "cy", "da", "de", "dz", "el", "en", "eo", "es", "et", "eu", "ext", "fa", "fi", "fo", "fr", "fuv", "fy",
    "ga", "gcf", "gcr", "gd", "gl", "gom", "grc", "gu", "gug", "guw", "ha", "hbo", "he", "hi", "hr", "ht", "hu", "hy",
    "id", "ig", "is", "it", "ja", "jv", "ka", "kab", "kik", "kk", "km", "kn", "ko", "ku", "ky", "la", "lb", "lg",
    "lij", "ln", "lo", "lt", "ltg", "lv", "mg", "mk", "ml", "mn", "mr", "ms", "mt", "my", "ne", "nl", "nn", "no",
    "nso", "oc", "om", "or", "pa", "pcm", "pl", "ps", "pt", "qu", "ro", "ru", "rw", "sa", "sdh", "se", "si", "sk",
    "sl", "sn", "so", "sq", "sr", "st", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "ug", "uk", "ur",
    "uz", "uzs", "vec", "vi", "vo", "wa", "wuu", "xh", "yo", "yue", "zh", "zu", "zxx",
)  # fmt: skip
# The languages in which most of the world's text is written. Of two that are easily taken for each other the rarer is
# left out (bs nn ms gl, and pcm for en): it is a candidate only where a recipe asks for it.
WORLD = (
    "am", "ar", "az", "be", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "gu",
    "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "km", "kn", "ko", "lo", "lt", "lv", "mk", "ml",
    "mn", "mr", "my", "ne", "nl", "no", "pa", "pl", "ps", "pt", "ro", "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw",
    "ta", "te", "th", "tl", "tr", "uk", "ur", "uz", "vi", "zh", "zxx",
)  # fmt: skip


class Identifier:
    """Naive Bayes over byte sequences (Lui and Baldwin 2012), among some languages only.

    py3langid walks its automaton a byte at a time in Python; here a step is taken in all texts at once, which gives
    the same counts.
    """

    def __init__(self, languages: tuple[str, ...]) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        model = LanguageIdentifier.from_model_file(MODEL_FILE)
        model.set_languages(languages)
        self.next = np.asarray(model.tk_nextmove)
        self.row = np.asarray(model.tk_row).astype(np.int64) << 8
        self.feature = np.asarray(model.tk_output)
        self.weights = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)  # a row at a time is read
        self.prior = model.nb_pc.astype(np.float32)
        self.languages = sorted(set(model.nb_classes))
        # A language may have a column for each of its scripts.
        self.column = np.array([self.languages.index(each) for each in model.nb_classes])

    def identify(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """(language, its probability among the candidates) of each text, from its first ``CHARACTERS``."""
        encoded = [normal(text[:CHARACTERS]) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: -len(encoded[index]))
        languages: list[tuple[str, float]] = [("zxx", 0.0)] * len(texts)
        counts = self.counted([encoded[index] for index in order])
        for index, (features, times) in zip(order, counts, strict=True):
            if len(features):
                languages[index] = self.best(features, times, len(encoded[index]))
        return languages

    def counted(self, encoded: list[bytes]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(features, times) of each text, longest first."""
        lengths = np.array([len(each) for each in encoded], dtype=np.int64)
        letters = np.zeros((int(lengths.max(initial=0)), len(encoded)), dtype=np.uint8)
        for column, each in enumerate(encoded):
            letters[: len(each), column] = np.frombuffer(each, np.uint8)
        # State 0 is the start and has no feature: what lies behind the end of a text counts for nothing.
        states = np.zeros(letters.shape, dtype=np.int64)
        state = np.zeros(len(encoded), dtype=np.int64)
        walking = np.searchsorted(-lengths, -np.arange(len(letters)), side="left")
        for step, count in enumerate(walking.tolist()):
            state = self.next[self.row[state[:count]] + letters[step, :count]]
            states[step, :count] = state
        features = self.feature[states]
        steps, columns = np.nonzero(features >= 0)
        size = len(self.weights)
        keys, times = np.unique(columns * size + features[steps, columns], return_counts=True)
        bounds = np.searchsorted(keys, np.arange(len(encoded) + 1) * size).tolist()
        keys %= size
        return [(keys[a:b], times[a:b]) for a, b in pairwise(bounds)]

    def best(self, features: np.ndarray, times: np.ndarray, length: int) -> tuple[str, float]:
        """The likeliest language; its probability is tempered by the root of the text's bytes, as py3langid's."""
        scores = np.log1p(times.astype(np.float32)) @ self.weights[features] + self.prior
        scores = np.exp((scores - scores.max()) / np.sqrt(np.float32(length)))
        merged = np.bincount(self.column, scores / scores.sum(), minlength=len(self.languages))
        return self.languages[int(merged.argmax())], round(float(merged.max()), 4)


def normal(text: str) -> bytes:
    """A text in the form on which the model was trained."""
    return unicodedata.normalize("NFC", text.lower() if text.isupper() else text).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def identifier(languages: tuple[str, ...]) -> Identifier:
    """One for the process: it takes a second to open, and 50 MB."""
    return Identifier(languages)

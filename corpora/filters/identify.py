"""Which language a text is in: the model that py3langid carries, walked over many texts at once."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from domain.text.quality.languages import data_of

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
# Varieties of a language that is a candidate: text in them is text in it.
VARIETIES = ("ary", "arz", "bs", "hbo", "ms", "nn", "wuu", "yue")
# The languages in which most of the world's text is written. Of two that are easily taken for each other the rarer is
# left out (bs nn ms gl, and pcm for en): it is a candidate only where a recipe asks for it.
WORLD = (
    "am", "ar", "az", "be", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "gu",
    "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "km", "kn", "ko", "lo", "lt", "lv", "mk", "ml",
    "mn", "mr", "my", "ne", "nl", "no", "pa", "pl", "ps", "pt", "ro", "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw",
    "ta", "te", "th", "tl", "tr", "uk", "ur", "uz", "vi", "zh", "zxx",
)  # fmt: skip


# How much less likely than the language's own text a text may be, in nats for each feature, and how much likelier in a
# language that is no candidate; more where few features are seen. Measured on paragraphs: see the README.
SURPRISE, RIVAL, SHORT = 0.75, 0.3, 3.0
UNSURPRISING = 0.15  # as little surprise as in most text of a language: no other one need be asked for
SURPRISE_IN = {"en": 1.2}  # much of what is in Latin letters and no running text, such as tables and code, is English
FOREIGN = 6.0  # nats for each feature of another script: a quotation in Greek makes English text no less English


UPPER, LOWER = string.ascii_uppercase.encode(), string.ascii_lowercase.encode()
LATIN = re.compile(rb"[A-Za-z]+")
OTHER_SCRIPT = re.compile(rb"(?:[\xcd-\xdf].|[\xe0\xe3-\xef]..)+", re.DOTALL)  # in UTF-8, Greek and all that follows


class Identified(NamedTuple):
    """The likeliest of the candidates, its probability among them, and whether the text is like others in it."""

    language: str
    probability: float
    familiar: bool


class CandidateLanguages:
    """Some languages of the model: their columns, and those of all languages that are neither these nor varieties."""

    def __init__(self, weights: np.ndarray, columns: np.ndarray, languages: tuple[str, ...]) -> None:
        self.columns = np.flatnonzero(np.isin(columns, languages))
        self.rivals = np.flatnonzero(~np.isin(columns, [*languages, *VARIETIES]))
        self.weights = np.ascontiguousarray(weights[:, self.columns])
        names, self.language = np.unique(columns[self.columns], return_inverse=True)
        self.languages = [str(name) for name in names]
        self.columns_of = [np.flatnonzero(self.language == number).tolist() for number in range(len(names))]


class Identifier:
    """Naive Bayes over byte sequences (Lui and Baldwin 2012).

    py3langid walks its automaton a byte at a time in Python; here a step is taken in all texts at once, which gives
    the same counts. Its answer is always one of the candidates. So a text is compared with what the model expects of
    that language's own text (the entropy of its features), and with the languages that are no candidates.
    """

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        model = LanguageIdentifier.from_model_file(MODEL_FILE)
        self.next = np.asarray(model.tk_nextmove)
        self.row = np.asarray(model.tk_row).astype(np.int64) << 8
        self.feature = np.asarray(model.tk_output)
        self.weights = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)  # a row at a time is read
        self.prior = model.nb_pc.astype(np.float32)
        self.columns = np.array(model.nb_classes)  # a language may have a column for each of its scripts
        chances = np.exp(self.weights)
        self.entropy = -(chances * self.weights).sum(axis=0) / chances.sum(axis=0)
        self.last: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}  # features of the texts that were asked for last
        self.candidates = lru_cache(maxsize=2)(
            lambda languages: CandidateLanguages(self.weights, self.columns, languages)
        )

    def identify(self, texts: Sequence[str], languages: tuple[str, ...] = WORLD) -> list[Identified]:
        """Of each text, from its first ``CHARACTERS``; ``zxx`` with probability 0 where nothing tells."""
        encoded = [normal(text[:CHARACTERS]) for text in texts]
        unseen = sorted({each for each in encoded if each not in self.last}, key=lambda each: (-len(each), each))
        counts = dict(zip(unseen, self.counted(unseen), strict=True))
        self.last = {each: counts[each] if each in counts else self.last[each] for each in encoded}
        candidates = self.candidates(languages)
        return [self.best(*self.last[each], each, candidates) for each in encoded]

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

    def best(self, features: np.ndarray, times: np.ndarray, text: bytes, candidates: CandidateLanguages) -> Identified:
        """The likeliest language; its probability is tempered by the root of the text's bytes, as py3langid's."""
        if not len(features):
            return Identified("zxx", 0.0, False)
        times = np.log1p(times.astype(np.float32))
        every = times @ candidates.weights[features]
        scores = every + self.prior[candidates.columns]
        scores = np.exp((scores - scores.max()) / np.sqrt(np.float32(len(text))))
        merged = np.bincount(candidates.language, scores / scores.sum())
        number = int(merged.argmax())
        language, probability = candidates.languages[number], round(float(merged[number]), 4)
        best = max(candidates.columns_of[number], key=every.__getitem__)
        feature_count = float(times.sum())
        surprise = -float(every[best]) / feature_count - float(self.entropy[candidates.columns[best]])
        if surprise <= UNSURPRISING:
            return Identified(language, probability, True)
        more = SHORT / np.sqrt(feature_count)
        if surprise > SURPRISE_IN.get(language, SURPRISE) + FOREIGN * foreign(text, language) + more:
            return Identified(language, probability, False)
        others = (times @ self.weights[features])[candidates.rivals]
        rival = float(others.max(initial=-np.inf) - every[best]) / feature_count
        return Identified(language, probability, rival <= RIVAL + more)


def foreign(text: bytes, language: str) -> float:
    """The share of a text's bytes that belong to letters of another script than the language's: Latin or any other."""
    data = data_of(language)
    if data is None or data.latin:
        return sum(map(len, OTHER_SCRIPT.findall(text))) / len(text)
    return sum(map(len, LATIN.findall(text))) / len(text)


def normal(text: str) -> bytes:
    """A text in the form on which the model was trained; one that is mostly in capitals in lower case."""
    if text.isascii():
        raw = text.encode()
        return raw.lower() if len(raw.translate(None, UPPER)) < len(raw.translate(None, LOWER)) else raw
    # Where most letters are capitals, so are far more than a fifth of every ninth character.
    if 5 * sum(map(str.isupper, text[::9])) > len(text[::9]) and sum(map(str.isupper, text)) > sum(
        map(str.islower, text)
    ):
        text = text.lower()
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def identifier() -> Identifier:
    """One for the process: it takes a second to open, and 70 MB."""
    return Identifier()

"""Language identification: the model that py3langid contains, applied to many texts at once."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from domain.text.quality.languages import data_of

CHARACTERS = 2_000  # looked at, from the start of a text
DEPTH = 6  # bytes of the longest feature
PIECE = 64  # bytes that are walked one after the other
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
        self.own = self.language == np.arange(len(names))[:, None]  # bool [languages, columns]


@dataclass(frozen=True, eq=False)
class Features:
    """Features of a text (int32, ascending), the logarithm of how often each stands (float32), and their sum.
    ``text`` is in its normal form; ``answers`` are those given before, by candidates.
    """

    text: bytes
    numbers: np.ndarray
    weights: np.ndarray
    total: np.float32
    answers: dict[tuple[str, ...], Identified] = field(default_factory=dict)


class Identifier:
    """Naive Bayes over byte sequences (Lui and Baldwin 2012).

    py3langid walks its automaton a byte at a time in Python; here a step is taken in many pieces of all texts at once,
    which gives the same counts. Its answer is always one of the candidates. So a text is compared with what the model
    expects of that language's own text (the entropy of its features), and with the languages that are no candidates.
    """

    def __init__(self) -> None:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        model = LanguageIdentifier.from_model_file(MODEL_FILE)
        self.next = np.asarray(model.tk_nextmove).astype(np.int32)
        self.row = np.asarray(model.tk_row).astype(np.int32) << 8
        self.feature = np.asarray(model.tk_output).astype(np.int32)
        self.weights = np.ascontiguousarray(model.nb_ptc, dtype=np.float32)  # a row at a time is read
        self.prior = model.nb_pc.astype(np.float32)
        self.columns = np.array(model.nb_classes)  # a language may have a column for each of its scripts
        chances = np.exp(self.weights)
        self.entropy = -(chances * self.weights).sum(axis=0) / chances.sum(axis=0)
        self.last: dict[str, Features] = {}  # of the texts that were asked for last
        self.candidates = lru_cache(maxsize=2)(
            lambda languages: CandidateLanguages(self.weights, self.columns, languages)
        )

    def identify(self, texts: Sequence[str], languages: tuple[str, ...] = WORLD) -> list[Identified]:
        """Of each text, from its first ``CHARACTERS``; ``zxx`` with probability 0 where nothing tells."""
        parts = [text[:CHARACTERS] for text in texts]
        unseen = [each for each in dict.fromkeys(parts) if each not in self.last]
        counted = dict(zip(unseen, self.counted([normal(each) for each in unseen]), strict=True))
        self.last = {each: counted.get(each) or self.last[each] for each in parts}
        unasked = [each for each in self.last.values() if languages not in each.answers]
        for each, answer in zip(unasked, self.answered(unasked, self.candidates(languages)), strict=True):
            each.answers[languages] = answer
        return [self.last[each].answers[languages] for each in parts]

    def counted(self, encoded: Sequence[bytes]) -> list[Features]:
        """The features of each text.

        A NUL leads to the start, which has no feature, so texts stand one behind the other; and a state depends on the
        ``DEPTH`` bytes before it at most, so each piece of them is walked by itself.
        """
        begins = np.cumsum([0, *(len(each) + 1 for each in encoded)])
        pieces = 1 + int(begins[-1]) // PIECE
        joined = b"\0".join([bytes(DEPTH - 1), *encoded, b""]).ljust(DEPTH + pieces * PIECE, b"\0")
        steps = sliding_window_view(np.frombuffer(joined, np.uint8), DEPTH + PIECE)[::PIECE].T.astype(np.int32)
        walked = np.empty((PIECE, pieces), np.int32)
        state = np.zeros(pieces, np.int32)
        for step, letters in enumerate(steps, -DEPTH):
            state = self.next.take(self.row.take(state) + letters)
            if step >= 0:
                walked[step] = self.feature.take(state)
        features = walked.T.ravel()
        places = np.flatnonzero(features >= 0)
        features, bounds = features[places], np.searchsorted(places, begins)
        for begin, end in pairwise(bounds.tolist()):
            features[begin:end].sort()
        first = np.ones(len(features), bool)
        first[1:] = features[1:] != features[:-1]
        first[bounds[:-1][bounds[:-1] < len(features)]] = True
        opens = np.flatnonzero(first)
        numbers, bounds = features[opens], np.searchsorted(opens, bounds)
        times = np.log1p(np.diff(opens, append=len(features)).astype(np.float32))
        return [
            Features(text, numbers[begin:end], times[begin:end], times[begin:end].sum())
            for text, (begin, end) in zip(encoded, pairwise(bounds.tolist()), strict=True)
        ]

    def answered(self, features: Sequence[Features], candidates: CandidateLanguages) -> list[Identified]:
        """The likeliest language of each text; its probability is tempered by the root of the text's bytes, as
        py3langid's.
        """
        every = np.empty((len(features), len(candidates.columns)), np.float32)
        for row, each in zip(every, features, strict=True):
            np.matmul(each.weights, candidates.weights.take(each.numbers, axis=0), out=row)
        scores = every + self.prior[candidates.columns]
        roots = np.sqrt(np.array([max(1, len(each.text)) for each in features], np.float32))
        scores = np.exp((scores - scores.max(axis=1, keepdims=True)) / roots[:, None])
        scores /= scores.sum(axis=1, keepdims=True)
        merged = scores.astype(np.float64) @ candidates.own.T
        numbers = merged.argmax(axis=1)
        best = np.where(candidates.own[numbers], every, -np.inf).argmax(axis=1)
        rows = np.arange(len(features))
        totals = np.array([each.total for each in features], np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            surprises = -every[rows, best].astype(np.float64) / totals - self.entropy[candidates.columns[best]]
        columns = (numbers, merged[rows, numbers], every[rows, best], surprises)
        lists = (column.tolist() for column in columns)
        return [
            self.verdict(each, candidates, candidates.languages[number], round(chance, 4), log, surprise)
            for each, number, chance, log, surprise in zip(features, *lists, strict=True)
        ]

    def verdict(
        self, features: Features, candidates: CandidateLanguages, language: str, probability: float, log: float,
        surprise: float,
    ) -> Identified:  # fmt: skip
        """The answer for a text whose likeliest language is known, with its logarithm and its surprise."""
        if not len(features.numbers):
            return Identified("zxx", 0.0, False)
        if surprise <= UNSURPRISING:
            return Identified(language, probability, True)
        total = float(features.total)
        more = SHORT / np.sqrt(total)
        if surprise > SURPRISE_IN.get(language, SURPRISE) + FOREIGN * foreign(features.text, language) + more:
            return Identified(language, probability, False)
        others = (features.weights @ self.weights.take(features.numbers, axis=0))[candidates.rivals]
        rival = float(others.max(initial=-np.inf) - np.float32(log)) / total
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

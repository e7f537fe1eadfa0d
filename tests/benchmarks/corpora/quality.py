"""The quality filters against datatrove's, with spaCy's words and given ours; language against py3langid's loop.

Both ask the four groups of rules (Gopher's quality and repetition, C4, FineWeb) with the thresholds of the papers. A
peer's filters are a chain: what one drops, the next does not see. Ours pays for its split; the peer that is given our
words has them for nothing. The gate: the share of texts on which each filter decides, and C4 changes, as its peer does
with our words.
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from datatrove.data import Document as TroveDocument
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.word_tokenizers import WordTokenizer

from corpora.document import Document
from corpora.filters.identify import CHARACTERS, WORLD, Identified, identifier, normal
from corpora.filters.language import Language
from corpora.filters.quality import Quality
from domain.text.quality import KeptLines, QualityRules, judge
from domain.text.quality.c4 import sentence_ends
from domain.text.words import Split, split

PAPERS = {
    "gopher": {
        "words_least": 50, "words_most": 100_000, "length_least": 3, "letters": 0.8, "stop_words_least": 2,
    },
    "repetition": {
        "paragraphs": 0.3, "paragraph_characters": 0.2, "lines": 0.3, "line_characters": 0.2,
        "top_2gram": 0.2, "top_3gram": 0.18, "top_4gram": 0.16, "duplicate_5gram": 0.15, "duplicate_6gram": 0.14,
        "duplicate_7gram": 0.13, "duplicate_8gram": 0.12, "duplicate_9gram": 0.11, "duplicate_10gram": 0.1,
    },
    "c4": {"ends": ".?!\"'"},
    "fineweb": {},
}  # fmt: skip
OFF = dict.fromkeys([*PAPERS, "letters"])
BATCH = 256  # documents judged at once, as in curation
TOGETHER = 15.5  # MB/s
GATE, GATED = 0.995, 20_000_000  # bytes of text on which decisions are compared


class Given(WordTokenizer):  # type: ignore[misc]
    """Our words and sentences for datatrove; those of ``texts`` are split beforehand."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__("en")
        self.known = {text: split(text).strings for text in texts}

    def word_tokenize(self, text: str) -> list[str]:
        return self.known.get(text) or split(text).strings

    def sent_tokenize(self, text: str) -> list[str]:
        return [text[begin:end] for begin, end in self.span_tokenize(text)]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        ends = sentence_ends(text)
        return list(zip([0, *ends], ends, strict=False))


def peers(language: str | WordTokenizer) -> dict[str, Any]:
    """datatrove's filters by our names, in the order of FineWeb's pipeline."""
    return {
        "repetition": GopherRepetitionFilter(language=language),
        "gopher": GopherQualityFilter(language=language),
        "c4": C4QualityFilter(language=language),
        "fineweb": FineWebQualityFilter(language=language),
    }


def chain(filters: Sequence[Any], texts: Sequence[str]) -> None:
    """datatrove's filters, one after the other."""
    for text in texts:
        document = TroveDocument(text=text, id="")
        all(each.filter(document) is True for each in filters)


def ours(texts: Sequence[str], rules: QualityRules) -> list[Any]:
    """Split and judge in batches."""
    batches = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
    return [found for batch in batches for found in judge(Split(batch), rules)]


def agreement(name: str, texts: Sequence[str], peer: Any) -> float:
    """Share of texts that one group of rules decides as its peer does."""
    same = 0
    for text, found in zip(texts, ours(texts, QualityRules.model_validate({**OFF, name: PAPERS[name]})), strict=True):
        document = TroveDocument(text=text, id="")
        kept = peer.filter(document) is True
        same += kept and found.text == document.text if isinstance(found, KeptLines) else kept == (found is None)
    return same / len(texts)


def some(texts: Sequence[str], size: int, chance: random.Random) -> list[str]:
    """Texts at random, of about ``size`` bytes and none longer than that."""
    found: list[str] = []
    for text in chance.sample(list(texts), len(texts)):
        if len(text) <= size and text.strip():
            found.append(text)
            size -= len(text)
    return found


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compared(
    stage: str, samples: list[list[str]], mine: Callable[[list[str]], object], theirs: Callable[[list[str]], object],
    goal: float, gate: float,
) -> dict[str, Any]:  # fmt: skip
    """One row: each sample is a round, in which both do the same texts, in turn."""
    mine(samples[0][:BATCH]), theirs(samples[0][:1])  # what is loaded once
    pairs = []
    for number, sample in enumerate(samples):
        first, second = (mine, theirs) if number % 2 else (theirs, mine)
        times = {first: timed(lambda: first(sample)), second: timed(lambda: second(sample))}  # noqa: B023
        pairs.append((times[mine], times[theirs], sum(len(text.encode()) for text in sample) / 1e6))
    ratios = [slow / fast for fast, slow, _ in pairs]
    return {
        "stage": stage,
        "ratio": round(median(ratios), 2),
        "spread": [round(min(ratios), 2), round(max(ratios), 2)],
        "goal": goal,
        "gate": round(gate, 4),
        "passed": median(ratios) >= goal and gate >= GATE,
        "seconds": round(sum(fast for fast, _, _ in pairs), 3),
        "mb_per_s": round(median(size / fast for fast, _, size in pairs), 2),
        "peer_mb_per_s": round(median(size / slow for _, slow, size in pairs), 2),
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """All filters given our words, all as they come, language, and both together. ``gates``: agreement by filter."""
    chance = random.Random(seed)
    gated = some(texts, GATED, chance)
    small, large = ([some(texts, size, chance) for _ in range(max(5, rounds))] for size in (400_000, 2_000_000))
    given = peers(Given([text for sample in large for text in sample]))
    gates = {name: agreement(name, gated, peer) for name, peer in given.items()}
    rules, gate = QualityRules.model_validate({**OFF, **PAPERS}), min(gates.values())
    row = compared(
        "quality, same words", large, lambda t: ours(t, rules), lambda t: chain([*given.values()], t), 2, gate
    )
    yield {**row, "gates": gates}
    spacy = [*peers("en").values()]
    yield compared("quality", small, lambda t: ours(t, rules), lambda t: chain(spacy, t), 8, gate)
    yield language(small)
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        yield fresh.apply(together, (large,))


def together(samples: list[list[str]]) -> dict[str, Any]:
    """The filters language and quality as a recipe has them by default, one after the other; on processor time.

    In a process of its own that is prepared as a worker of curation is.
    """
    import corpora.curation.preload  # noqa: F401

    filters, speeds = (Language(), Quality()), []
    for sample in [samples[0][:BATCH], *samples]:
        documents = [Document(id="", text=text, source="s") for text in sample]
        begin = time.process_time()
        for first in range(0, len(documents), BATCH):
            batch = documents[first : first + BATCH]
            words = Split([document.text for document in batch])
            for each in filters:
                each.judge(batch, words)
        speeds.append(sum(len(text.encode()) for text in sample) / 1e6 / (time.process_time() - begin))
    speed, *others = median(speeds[1:]), min(speeds[1:]), max(speeds[1:])
    return {
        "stage": "language and quality", "mb_per_s": round(speed, 1), "spread": [round(each, 1) for each in others],
        "goal": TOGETHER, "passed": speed >= TOGETHER,
    }  # fmt: skip


def language(samples: list[list[str]]) -> dict[str, Any]:
    """Identification against py3langid's own, a text at a time, among the same languages, in the same form."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    peer = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    peer.set_languages(WORLD)
    mine = identifier()

    def batched(texts: list[str]) -> list[Identified]:
        mine.last = {}  # what it remembers of a round before
        batches = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
        return [found for batch in batches for found in mine.identify(batch)]

    def alone(texts: list[str]) -> list[tuple[str, float]]:
        return [peer.classify(normal(text[:CHARACTERS]).decode()) for text in texts]

    every = [text for sample in samples for text in sample]
    same = sum(a == c and abs(b - d) < 1e-3 for (a, b, _), (c, d) in zip(batched(every), alone(every), strict=True))
    return compared("language", samples, batched, alone, 1, same / len(every))

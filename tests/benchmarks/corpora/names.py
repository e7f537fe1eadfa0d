"""Names: a small token classifier, trained from nothing on filings with labelled names, and what it finds in others.

The data are Salinas Alvarado's (ALTA 2015; ``ner_fin`` of SHOPTALK_TEST_DATA): trained on FIN5, asked about FIN3. A
name counts as found if each of its words is masked, a masked word as right if it is of a name. What a team would use
is a pretrained model, which is far better: the row shows that the filter masks what its model finds, and how fast.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from domain.text.names import NameFinder, NameKind
from tests.token_classifiers import train_tagger

LABELS: dict[str, NameKind] = {"PER": "person", "LOC": "address"}
GATE = {"recall": 0.8, "precision": 0.9}  # of persons
EPOCHS = 12


def labelled(path: Path) -> list[list[tuple[str, str]]]:
    """The sentences of a file in CoNLL's columns: (word, label)."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    groups = [list(group) for some, group in groupby(lines, key=bool) if some]
    return [[(row[0], row[-1]) for row in group] for group in groups if group[0][0] != "-DOCSTART-"]


def measured(finder: NameFinder, sentences: list[list[tuple[str, str]]]) -> dict[str, float]:
    """Recall of names and precision of masked words, by kind."""
    figures = {}
    found = finder.find([" ".join(word for word, _ in sentence) for sentence in sentences])
    for label, kind in LABELS.items():
        there = caught = made = right = 0
        for sentence, finds in zip(sentences, found, strict=True):
            spans, start = [], 0
            for word, mine in sentence:
                spans.append((start, start + len(word), mine.endswith(label)))
                start += len(word) + 1
            masked = [any(f.kind == kind and f.start < e and s < f.end for f in finds) for s, e, _ in spans]
            made += sum(masked)
            right += sum(m and mine for m, (*_, mine) in zip(masked, spans, strict=True))
            for mine, group in groupby(zip(masked, spans, strict=True), key=lambda each: each[1][2]):
                if mine:
                    there += 1
                    caught += all(m for m, _ in group)
        figures |= {f"{kind}_recall": round(caught / there, 3), f"{kind}_precision": round(right / max(1, made), 3)}
    return figures


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """One row; none where the labelled filings are not at hand."""
    origin = os.environ.get("SHOPTALK_TEST_DATA")
    if not origin:
        return
    learn, ask = (labelled(Path(origin) / "ner_fin" / name) for name in ("FIN5.txt", "FIN3.txt"))
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        train_tagger(Path(folder), learn, EPOCHS, length=256, width=64, layers=2, vocabulary=2_000, seed=seed)
        trained = time.perf_counter() - begin
        finder = NameFinder.load(folder, LABELS)
    quality = measured(finder, ask)
    begin = time.perf_counter()
    sample = [" ".join(word for word, _ in sentence) for sentence in ask]
    finder.find(sample)
    seconds = time.perf_counter() - begin
    yield {
        "stage": "names",
        "gate": GATE,
        "passed": all(quality[f"person_{name}"] >= least for name, least in GATE.items()),
        **quality,
        "sentences": [len(learn), len(ask)],
        "train_seconds": round(trained, 1),
        "mb_per_s": round(sum(map(len, sample)) / 1e6 / seconds, 3),
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }

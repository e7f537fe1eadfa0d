"""Decontamination: MB/s given the split, against a million protected 13-grams of the same kinds of text.

The gate: every passage that was planted is found, and on a part of the text what is found is what a set of tuples of
words finds; of questions that are planted 1, 10, 50 and 1,000 times all pages are dropped, and at most 0.1% of the
others. There is no peer to time: datatrove's needs lighteval.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from corpora.decontamination.contamination import decide
from corpora.decontamination.decontaminate import Decontamination, Guard
from domain.text.fold import fold_words
from domain.text.words import Split
from tests.benchmarks.corpora.near import BATCH
from tests.benchmarks.rounds import interleaved, resident

GRAMS = 1_000_000
GOAL = 50.0  # MB/s


def divided(texts: list[str], chance: random.Random) -> tuple[list[str], list[str]]:
    """(protected texts of about a million 13-grams, the others); shuffled words where half of the texts have fewer."""
    protected, grams = list[str](), 0
    while grams < GRAMS and len(protected) < len(texts) // 2:
        protected.append(texts[len(protected)])
        grams += max(0, len(protected[-1].split()) - 12)
    rest = texts[len(protected) :]
    words = " ".join(rest[:1000]).split()
    while grams < GRAMS:
        protected.append(" ".join(chance.choices(words, k=1012)))
        grams += 1000
    return protected, rest


def told(protected: list[str], texts: list[str], length: int = 13) -> list[bool]:
    """Which texts share a run with the protected ones, by sets of tuples."""

    def runs(words: list[str]) -> Iterator[tuple[str, ...]]:
        return (tuple(words[i : i + length]) for i in range(len(words) - length + 1))

    split, kept = fold_words(Split(protected)), set[tuple[str, ...]]()
    for words in split:
        if len(words) >= length:
            kept.update(runs(words.strings))
        elif len(words) >= 6:
            kept.add(tuple(words.strings))
    shorter = {len(run) for run in kept} - {length}
    return [
        any(run in kept for run in runs(words.strings))
        or any(tuple(words.strings[i : i + n]) in kept for n in shorter for i in range(len(words) - n + 1))
        for words in fold_words(Split(texts))
    ]


def copied(protected: list[str], rest: list[str], chance: random.Random) -> dict[str, float]:
    """Recall of pages that quote a question of 32 words, by how many quote each, and the share of others dropped."""
    long = [words for text in protected[:400] if len(words := text.split()) > 60]
    questions = [" ".join(words[20:52]) for words in chance.sample(long, min(40, len(long)))]
    answers: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        lines = ({"task": "t", "item": item, "text": text} for item, text in enumerate(questions))
        path.write_text("".join(json.dumps(each) + "\n" for each in lines))
        guard = Guard(path, Decontamination(max_share=1.0))
    before = guard.matches(Split(rest), range(len(rest)))
    answers["clean_dropped"] = 0.0
    for copies in (1, 10, 50, 1_000):
        pages = []
        for question in questions[: max(4, 40 // copies)]:
            for host in chance.choices(rest, k=copies):
                words = host.split()[:80]
                pages.append(" ".join([*words[:40], question, *words[40:]]))
        finds = guard.matches(Split(pages), len(rest) + np.arange(len(pages)))
        places = np.zeros(len(rest) + len(pages), int)
        decided = decide(guard, np.concatenate((before, finds)), places, [("domain", "text")])
        dropped = np.array(sorted(decided.dropped), np.int64)
        answers[f"recall_{copies}"] = float((dropped >= len(rest)).sum()) / len(pages)
        answers["clean_dropped"] = max(answers["clean_dropped"], float((dropped < len(rest)).sum()) / len(rest))
    return answers


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """One row."""
    chance = random.Random(seed)
    protected, rest = divided(texts, chance)
    long = [words for text in protected[:200] if len(words := text.split()) > 60]
    planted = [" ".join([*rest[i].split()[:30], *w[20:45], *rest[i].split()[30:60]]) for i, w in enumerate(long[:100])]
    size = sum(len(text.encode()) for text in rest) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        path.write_text("".join(json.dumps({"task": "t", "text": text}) + "\n" for text in protected))
        guard = Guard(path, Decontamination())
        memory = resident(Guard, path, Decontamination())
    splits = [Split(rest[begin : begin + BATCH]) for begin in range(0, len(rest), BATCH)]
    seconds = interleaved({"ours": lambda: [guard.matches(each, range(len(each))) for each in splits]}, rounds)["ours"]
    found = {int(number) for number in guard.matches(Split(planted), range(len(planted)))[:, 0]}
    part = rest[:1500]
    hit = np.isin(np.arange(len(part)), guard.matches(Split(part), range(len(part)))[:, 0]).tolist()
    gate = {"planted": len(planted), "found": len(found), "as_tuples": hit == told(protected, part), "hit": sum(hit)}
    quoted = copied(protected, rest, chance)
    whole = all(share == 1.0 for name, share in quoted.items() if name.startswith("recall"))
    rates = sorted(size / each for each in seconds)
    yield {
        "stage": "decontamination",
        "ratio": round(median(rates) / GOAL, 2),
        "spread": [round(rates[0] / GOAL, 2), round(rates[-1] / GOAL, 2)],
        "goal": 1.0,
        "gate": gate,
        "copies": quoted,
        "passed": median(rates) >= GOAL
        and len(found) == len(planted)
        and gate["as_tuples"]
        and whole
        and quoted["clean_dropped"] <= 0.001,
        "seconds": round(median(seconds), 3),
        "mb_per_s": round(median(rates), 1),
        "resident_mb": memory,
        "grams": guard.numbers[-1],
    }

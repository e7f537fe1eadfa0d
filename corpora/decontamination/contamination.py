"""Which matches with protected texts are contamination, and which are boilerplate that may stay."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from corpora.ledger.ledger import PartSource
from domain.errors import UserError
from domain.text.words import mixed

if TYPE_CHECKING:
    from corpora.decontamination.decontaminate import Guard

FEW = 10  # documents; what no more than these hold is never boilerplate, however small the corpus (GPT-3's number)
# How much of a protected text's words a document holds: less than the first share, ..., or at least the last.
SHARES = (0.2, 0.5, 0.8)
SCRAP, SOME, MOST, WHOLE = range(4)
AT_ONCE = 1 << 22  # places of runs in protected texts looked at together: 100 MB
LISTED = 20  # items of which something was let be that are named


@dataclass(frozen=True)
class Contamination:
    """The tasks for each document that is dropped, or the runs to cut for each that is cut; and what to report."""

    dropped: dict[int, str]
    cut: dict[int, list[int]]
    facts: dict[str, Any]


class RunMatches:
    """Matches of protected runs, by class: documents that hold the same runs are looked at once.

    ``documents`` and ``runs`` (int64 [matches]) ascend. ``class_of`` (int64 [documents with a match]) names each
    document's class, ``pair`` (int64 [matches]) each match's place in ``class_runs``, the runs of class after class;
    ``classes`` (int64 [pairs]) names the class of each of these.
    """

    def __init__(self, finds: np.ndarray) -> None:
        finds = np.unique(finds, axis=0)
        self.documents, self.runs = finds[:, 0], finds[:, 1]
        self.holders, begins, counts = np.unique(self.documents, return_index=True, return_counts=True)
        keys = mixed(self.runs.astype(np.uint64))
        sums = np.add.reduceat(keys, begins)
        _, first, self.class_of = np.unique(sums, return_index=True, return_inverse=True)
        self.sizes = counts[first]
        self.classes = np.repeat(np.arange(len(self.sizes)), self.sizes)
        self.begins = np.concatenate(([0], np.cumsum(self.sizes))).astype(np.int64)
        places = [np.arange(begins[one], begins[one] + counts[one]) for one in first.tolist()]
        self.class_runs = self.runs[np.concatenate([np.empty(0, np.int64), *places])]
        within = np.arange(len(finds)) - np.repeat(begins, counts)
        self.pair = np.repeat(self.begins[self.class_of], counts) + within

    def parts(self, weights: np.ndarray) -> Iterator[slice]:
        """Neighbouring classes' pairs of at most ``AT_ONCE`` in all by ``weights`` (int64 [pairs]); a larger class
        alone."""
        sums = np.concatenate(([0], np.cumsum(weights)))[self.begins]
        start = 0
        while start < len(self.sizes):
            stop = max(start + 1, int(np.searchsorted(sums, sums[start] + AT_ONCE, side="right")) - 1)
            yield slice(int(self.begins[start]), int(self.begins[stop]))
            start = stop


def decide(
    guard: Guard, finds: np.ndarray, places: np.ndarray, sources: Sequence[PartSource],
    clusters: np.ndarray | None = None,
) -> Contamination:  # fmt: skip
    """What becomes of the documents with matches (int64 [matches, 2]: document, run; of all shards).

    By how much the document holds of the words of a text, the most of all texts that the run is from, a match counts:
    of a fifth, not; of half, unless the run is common (more than ``spec.common`` of all documents hold it, and more
    than 10); of four fifths, unless it is common and several items share it; of more, always. Documents that hold a
    whole text do not make its runs common: no question is let be for being copied often. The words of a text that
    stand in a document are those within a shared run, so that one word changed in the middle hides a word and not 13
    runs. GPT-3 (arXiv 2005.14165, appendix C) and NeMo Curator let be what more than 10 documents hold; Cosmopedia
    drops what holds half of an item.

    ``places`` (int [documents]) are those of each one's source among ``sources`` (part, source), less than 0 where a
    document does not count. ``clusters`` (int [documents]) names what counts as one when runs are counted, so that near
    copies of a page do not make its runs common.
    Raises ``UserError`` where more than ``spec.max_share`` of a source, and more than one document, are hit.
    """
    matches = RunMatches(finds)
    level = levels(guard, matches)
    of_pair = level[matches.pair]
    loose = of_pair < WHOLE
    who = matches.documents if clusters is None else clusters[matches.documents]
    counted = np.unique(np.stack((who[loose], matches.runs[loose]), axis=1), axis=0)
    most = max(FEW, guard.spec.common * int((places >= 0).sum()))
    common = np.bincount(counted[:, 1], minlength=guard.numbers[-1]) > most
    is_common, is_shared = common[matches.class_runs], guard.is_shared[matches.class_runs]
    let_be = (level == SCRAP) | is_common & ((level == SOME) | is_shared & (level == MOST))
    hit = ~let_be[matches.pair]

    report = Report(guard, matches)
    for part in matches.parts(guard.counts[matches.class_runs]):
        report.add(part, let_be)
    report.refuse_many(places, sources)
    facts = {"tasks": report.tasks_found(), "let_be": report.passages(let_be)}
    dropped = {document: ", ".join(report.tasks_of(number)) for number, document in report.hit_documents()}
    if guard.spec.on_match == "drop":
        return Contamination(dropped, {}, facts)
    cut = defaultdict[int, list[int]](list)
    for document, run in zip(matches.documents[hit].tolist(), matches.runs[hit].tolist(), strict=True):
        cut[document].append(run)
    return Contamination({}, dict(cut), facts)


def levels(guard: Guard, matches: RunMatches) -> np.ndarray:
    """int64 [pairs]: how much its class holds of the text that it holds most of, among those that a run is from."""
    level = np.zeros(len(matches.class_runs), np.int64)
    for part in matches.parts(guard.counts[matches.class_runs]):
        pairs, texts, places = guard.expand(matches.class_runs[part])
        classes = matches.classes[part][pairs]
        order = np.lexsort((places, texts, classes))
        classes, texts, places, pairs = classes[order], texts[order], places[order], pairs[order]
        sizes = guard.texts.sizes[texts]
        same = (classes[1:] == classes[:-1]) & (texts[1:] == texts[:-1])
        covered = np.minimum(sizes, guard.spec.words)  # words of each run, less those of the next one in its text
        covered[:-1][same] = np.minimum(covered[:-1], np.diff(places))[same]
        opens = np.flatnonzero(np.concatenate(([True], ~same)))
        words = np.add.reduceat(covered, opens)
        held = np.searchsorted(SHARES, words / sizes[opens], side="right")
        held = np.where(guard.texts.is_form[texts[opens]], np.minimum(held, MOST), held)
        np.maximum.at(level[part], pairs, np.repeat(held, np.diff([*opens.tolist(), len(classes)])))
    return level


class Report:
    """Which tasks and items were matched, and of which items something was let be."""

    def __init__(self, guard: Guard, matches: RunMatches) -> None:
        self.guard, self.matches = guard, matches
        self.documents = np.bincount(matches.class_of)  # of each class
        self.of_class = defaultdict[int, set[int]](set)  # the items of each class's matches that count
        self.rows = dict[int, int]()  # a text of each item that was matched
        self.let_be = Counter[int]()  # documents by item
        self.example = dict[int, tuple[int, int]]()  # a text and a place in it, by item
        self.spared = 0  # documents that stay with what was let be

    def add(self, part: slice, let_be: np.ndarray) -> None:
        """Count the classes whose pairs these are."""
        guard, matches = self.guard, self.matches
        pairs, texts, places = guard.expand(matches.class_runs[part])
        classes = matches.classes[part][pairs]
        free = let_be[part][pairs]
        items = guard.texts.item[texts]
        order = np.lexsort((places, texts, items, classes))
        for wanted, free_here in ((order[~free[order]], False), (order[free[order]], True)):
            unique, first = np.unique(np.stack((classes[wanted], items[wanted]), axis=1), axis=0, return_index=True)
            rows, at = texts[wanted][first], places[wanted][first]
            for (one, item), row, place in zip(unique.tolist(), rows.tolist(), at.tolist(), strict=True):
                if free_here:
                    self.let_be[item] += int(self.documents[one])
                    self.example.setdefault(item, (row, place))
                else:
                    self.of_class[one].add(item)
                    self.rows.setdefault(item, row)
        here = np.unique(classes)
        self.spared += int(sum(self.documents[one] for one in here.tolist() if one not in self.of_class))

    def hit_documents(self) -> Iterator[tuple[int, int]]:
        """(class, document) of each document with a match that counts."""
        for document, one in zip(self.matches.holders.tolist(), self.matches.class_of.tolist(), strict=True):
            if one in self.of_class:
                yield one, document

    def tasks_of(self, one: int) -> list[str]:
        """The tasks of a class's matches that count, sorted."""
        return sorted({task for item in self.of_class[one] for task in self.guard.tasks_of_item[item]})

    def tasks_found(self) -> dict[str, dict[str, int]]:
        """By task: its items, how many are too short or were matched, and in how many documents."""
        guard = self.guard
        items = Counter(task for tasks in guard.tasks_of_item.values() for task in tasks)
        short = Counter(task for item in guard.short_items for task in guard.tasks_of_item[item])
        matched = Counter(task for item in self.rows for task in guard.tasks_of_item[item])
        documents = Counter[str]()
        for one in self.of_class:
            documents.update(dict.fromkeys(self.tasks_of(one), int(self.documents[one])))
        return {
            task: {
                "items": count,
                "too_short": short[task],
                "found": matched[task],
                "documents": documents[task],
            }
            for task, count in sorted(items.items())
        }

    def passages(self, let_be: np.ndarray) -> dict[str, Any]:
        """What was let be: how many runs and items, in how many documents that stay, and the items with the most."""
        runs = len(np.unique(self.matches.class_runs[let_be]))
        guard, largest = self.guard, sorted(self.let_be.items(), key=lambda each: (-each[1], each[0]))[:LISTED]
        named = []
        for item, documents in largest:
            row, place = self.example[item]
            length = min(int(guard.texts.sizes[row]), guard.spec.words)
            passage = guard.texts.passage(row, place, length)
            named.append({"item": guard.texts.names[row], "documents": documents, "passage": passage})
        return {"runs": runs, "items": len(self.let_be), "documents": self.spared, "largest": named}

    def refuse_many(self, places: np.ndarray, sources: Sequence[PartSource]) -> None:
        """Raise a ``UserError`` for the source that is hit worst, if that is too much, with the items it holds most."""
        spec, texts = self.guard.spec, self.guard.texts
        hits = list(self.hit_documents())
        hit = Counter(int(places[document]) for _, document in hits)
        sizes = {place: int((places == place).sum()) for place in hit}
        worst = max(hit, key=lambda place: (hit[place] / sizes[place], sources[place]), default=None)
        if worst is None or hit[worst] <= max(1, spec.max_share * sizes[worst]):
            return
        name = sources[worst][1]
        classes = Counter(one for one, document in hits if places[document] == worst)
        by_task, by_item = Counter[str](), Counter[int]()
        for one, documents in classes.items():
            by_task.update(dict.fromkeys(self.tasks_of(one), documents))
            by_item.update(dict.fromkeys(self.of_class[one], documents))
        task, most = max(by_task.items(), key=lambda each: (each[1], each[0]))
        largest = sorted(by_item.items(), key=lambda each: (-each[1], each[0]))[:3]
        named = ", ".join(f"{texts.names[self.rows[item]]} in {documents:,}" for item, documents in largest)
        share = hit[worst] / sizes[worst]
        problem = f"{hit[worst]:,} of {sizes[worst]:,} documents of {name} ({share:.1%}) hold what the evals ask"
        raise UserError(
            "corpus.decontaminate", f"{problem}, {most:,} of them {task}; the most frequent items are {named}",
            f"leave {name} or {task} out, take these items out of it, raise corpus.decontaminate.min_words if they "
            f"are short, or raise corpus.decontaminate.max_share above {share:.4f}",
        )  # fmt: skip

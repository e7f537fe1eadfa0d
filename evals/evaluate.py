"""Scores all models on the same held-out text, with paired intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from domain.artifacts import PARTS, Checkpoint, Corpus, Scorecard, Tokenizer, Verdict
from domain.errors import UserError
from domain.jsonlines import write_lines
from domain.machine import Machine
from domain.release.decision import TokenizerReport
from domain.release.scores import SCORED_MODELS, NewTextScore, OverlapReport, Score, SourceOverlap
from domain.spec import Bytes, Count, Seed
from domain.stage import stage
from evals.heldout.documents import held_out
from evals.heldout.likelihood import nats_of
from evals.protect import Protection
from evals.scorecard import RESERVED_NAMES, GroupScore, ScorecardContent, ScoredPart
from evals.statistics.bootstrap import paired_change, six_digits

# A document: part, id, source, cluster, year, bytes, cut, ngrams, how many of these are in_training, and nats by model.
DocumentRow = dict[str, Any]
NEW_TEXT = (0.1, 0.0)  # most that may stand in training text of documents that are scored once more, without the others


class Evaluation(Protection):
    """Which held-out text is scored; the tasks are protected from training."""

    bytes: Annotated[
        Bytes,
        Field(description="most held-out text to score, per part; of a document up to a hundredth of it"),
    ] = 2_000_000
    resamples: Annotated[Count, Field(le=10**6, description="draws of the bootstrap")] = 10_000
    seed: Seed = 0


@stage("evaluate", makes=Scorecard, version=6, launched=True)
def evaluate(
    spec: Evaluation,
    corpus: Corpus,
    tokenizer: Tokenizer,
    verdict: Verdict | None = None,
    *,
    out: Path,
    machine: Machine,
    **models: Checkpoint,
) -> dict[str, Any]:
    """Checkpoints and held-out text -> Scorecard: ``scores.json``, ``tokenizer.json``, ``documents.jsonl``.

    ``models`` are ``base``, ``control``, ``adapted``, and any further baselines under their own names.
    ``tokenizer.json`` holds the tokenizer's measurements and, if it was piloted, the verdict.

    facts: by part, bits per byte of each model, ``change`` with ``interval`` (adapted against base, relative),
    ``change_from_control`` with ``interval_from_control``, and ``units``, ``documents``, ``bytes``; and ``overlap``.
    """
    refuse_names(models)
    documents = {part: held_out(corpus, part, spec.bytes) for part in PARTS}
    texts = [document["text"] for part in PARTS for document in documents[part]]
    objective = models["adapted"].manifest["spec"].get("objective")
    nats = {
        name: nats_of(checkpoint, texts, machine, f"score {name}", objective) for name, checkpoint in models.items()
    }
    overlaps = overlaps_of(corpus, {document["id"] for part in PARTS for document in documents[part]})
    rows: list[DocumentRow] = []
    for number, (part, document) in enumerate([(name, d) for name in PARTS for d in documents[name]]):
        fields = {key: document[key] for key in ("id", "source", "cluster", "bytes", "cut")}
        year = (document.get("date") or "")[:4] or None
        by_model = {name: float(f"{values[number]:.9g}") for name, values in nats.items()}
        rows.append({**fields, "part": part, "year": year, **overlaps[document["id"]], "nats": by_model})
    names, words = ordered(models), int(corpus.facts["test_overlap"]["words"])
    scores = ScorecardContent(
        parts={part: scored_part([row for row in rows if row["part"] == part], names, words, spec) for part in PARTS},
        tokenizer=TokenizerReport.from_dict(
            {"measures": tokenizer.facts, "verdict": verdict.facts if verdict else None}
        ),
    )
    scores.write(out)
    write_lines(out / "documents.jsonl", rows)
    return {part: score.headline().to_dict() for part, score in scores.parts.items()}


def refuse_names(models: Mapping[str, Checkpoint]) -> None:
    """Raise ``UserError`` for a baseline named like a field of the scorecard, ``ValueError`` if one of three lacks."""
    if missing := set(SCORED_MODELS) - models.keys():
        raise ValueError(f"evaluate needs the models {', '.join(sorted(missing))}")
    for name in models.keys() & RESERVED_NAMES:
        raise UserError(f"baseline {name}", "has the name of a field of the scorecard", "give it another name")


def ordered(models: Mapping[str, Checkpoint]) -> list[str]:
    """Names of the models in the order in which they are shown."""
    return [*SCORED_MODELS, *sorted(models.keys() - set(SCORED_MODELS))]


def overlaps_of(corpus: Corpus, ids: Collection[str]) -> dict[str, dict[str, int]]:
    """By id, the n-grams of words of these test documents, and how many of them stand in training text."""
    return {
        row["id"]: {"ngrams": row["ngrams"], "in_training": row["stays"]}
        for row in corpus.test_overlap()
        if row["id"] in ids
    }


def scored_part(rows: Sequence[DocumentRow], names: Sequence[str], words: int, spec: Evaluation) -> ScoredPart:
    """The scores of one part: over all its documents, by source and year, and over those that are not trained on.

    n-grams have this many ``words``.
    """
    groups: dict[str, dict[str, list[DocumentRow]]] = {"source": defaultdict(list), "year": defaultdict(list)}
    for row in rows:
        for key, group in groups.items():
            if row[key]:
                group[row[key]].append(row)
    by_group = {
        key: {name: group_score(members, names) for name, members in sorted(group.items())}
        for key, group in groups.items()
    }
    overlap = OverlapReport(
        words=words,
        sources={name: source_overlap(members) for name, members in sorted(groups["source"].items())},
        new_text=[new_text_score(rows, names, share, spec) for share in NEW_TEXT],
    )
    score = score_of(rows, names, spec)
    return ScoredPart(**vars(score), overlap=overlap, sources=by_group["source"], years=by_group["year"])


def score_of(rows: Sequence[DocumentRow], names: Sequence[str], spec: Evaluation) -> Score:
    """The scores over some documents, with intervals."""
    nats = {name: np.array([row["nats"][name] for row in rows]) for name in names}
    clusters = [row["cluster"] for row in rows]
    paired = {
        other: paired_change(
            nats["adapted"], nats[other], clusters, resamples=spec.resamples, seed=spec.seed
        )
        for other in ("base", "control")
    }  # fmt: skip
    return Score(
        bits=per_byte(rows, names),
        changes={other: change.rounded() for other, change in paired.items()},
        units=paired["base"].units,
        documents=len(rows),
        bytes=sum(row["bytes"] for row in rows),
    )


def source_overlap(rows: Sequence[DocumentRow]) -> SourceOverlap:
    """How much of a source's documents stands in training text."""
    sums = {key: sum(row[key] for row in rows) for key in ("ngrams", "in_training")}
    return SourceOverlap(documents=len(rows), **sums)


def new_text_score(
    rows: Sequence[DocumentRow], names: Sequence[str], max_share: float, spec: Evaluation
) -> NewTextScore:
    """The scores over those documents of which at most ``max_share`` of the n-grams stands in training text."""
    new = [row for row in rows if row["in_training"] <= max_share * row["ngrams"]]
    return NewTextScore(max_share=max_share, score=score_of(new, names, spec) if new else None)


def group_score(rows: Sequence[DocumentRow], names: Sequence[str]) -> GroupScore:
    """Bits per byte of each model over a source or a year, and over how much text."""
    return GroupScore(bits=per_byte(rows, names), documents=len(rows), bytes=sum(row["bytes"] for row in rows))


def per_byte(rows: Sequence[DocumentRow], names: Sequence[str]) -> dict[str, float]:
    """Bits per UTF-8 byte of each model over the rows: a ratio of sums."""
    from domain.score import bits_per_byte

    size = sum(row["bytes"] for row in rows)
    return {name: six_digits(bits_per_byte(sum(row["nats"][name] for row in rows), size)) for name in names}

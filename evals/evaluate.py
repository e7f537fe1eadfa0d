"""All of it -> Scorecard: base, adapted and control on the same held-out text, with intervals."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from domain.artifacts import Checkpoint, Corpus, Scorecard, Tokenizer, Verdict
from domain.machine import Machine
from domain.manifest import write_json
from domain.spec import Bytes, Count
from domain.stage import stage
from evals.heldout.documents import held_out
from evals.heldout.likelihood import nats_of
from evals.page.scorecard import page
from evals.protect import Protection
from evals.statistics.bootstrap import paired_change

ARMS = ("base", "adapted", "control")
PARTS = ("domain", "general")


class Evaluation(Protection):
    """What is asked of the models; the tasks also say what the corpus must not contain."""

    bytes: Annotated[
        Bytes,
        Field(description="held-out text scored at most, per part; of a document up to a hundredth of it"),
    ] = 2_000_000
    resamples: Annotated[Count, Field(description="draws of the bootstrap")] = 10_000
    seed: Annotated[int, Field(ge=0)] = 0


@stage("evaluate", makes=Scorecard, version=2, launched=True)
def evaluate(
    spec: Evaluation,
    base: Checkpoint,
    adapted: Checkpoint,
    control: Checkpoint,
    corpus: Corpus,
    tokenizer: Tokenizer,
    *verdict: Verdict,
    out: Path,
    machine: Machine,
) -> dict[str, Any]:
    """Three checkpoints and held-out text -> Scorecard: ``scores.json``, ``documents.jsonl``, ``report.html``.

    ``tokenizer.json`` says what the tokenizer measured and, where it was piloted, the verdict on it.

    facts: by part, bits per byte of each arm, ``change`` with ``interval`` (adapted against base, relative),
    ``change_from_control`` with ``interval_from_control``, and ``units``, ``documents``, ``bytes``.
    """
    documents = {part: held_out(corpus, part, spec.bytes) for part in PARTS}
    texts = [document["text"] for part in PARTS for document in documents[part]]
    arms = dict(zip(ARMS, (base, adapted, control), strict=True))
    asked = adapted.manifest["spec"].get("objective")
    nats = {name: nats_of(checkpoint, texts, machine, f"score {name}", asked) for name, checkpoint in arms.items()}
    rows = []
    for number, (part, document) in enumerate([(name, d) for name in PARTS for d in documents[name]]):
        known = {key: document[key] for key in ("id", "source", "cluster", "bytes", "cut")}
        year = (document.get("date") or "")[:4] or None
        scored = {name: float(f"{values[number]:.9g}") for name, values in nats.items()}
        rows.append({**known, "part": part, "year": year, "nats": scored})
    scores = {part: scored_part([row for row in rows if row["part"] == part], spec) for part in PARTS}
    write_json(out / "scores.json", scores)
    fitted = {"measures": tokenizer.facts, "verdict": verdict[0].facts if verdict else None}
    write_json(out / "tokenizer.json", fitted)
    with (out / "documents.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    (out / "report.html").write_text(page(scores, fitted), encoding="utf-8")
    shown = ("sources", "years")
    return {part: {key: value for key, value in scores[part].items() if key not in shown} for part in PARTS}


def scored_part(rows: list[dict[str, Any]], spec: Evaluation) -> dict[str, Any]:
    """The scores of one part: over all its documents, and by source and year."""
    nats = {name: np.array([row["nats"][name] for row in rows]) for name in ARMS}
    names = [row["cluster"] for row in rows]
    draws = {"resamples": spec.resamples, "seed": spec.seed}
    from_base = paired_change(nats["adapted"], nats["base"], names, **draws)
    from_control = paired_change(nats["adapted"], nats["control"], names, **draws)
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {"source": defaultdict(list), "year": defaultdict(list)}
    for row in rows:
        for key, group in groups.items():
            if row[key]:
                group[row[key]].append(row)
    return {
        **per_byte(rows),
        "change": short(from_base.change),
        "interval": [short(from_base.low), short(from_base.high)],
        "change_from_control": short(from_control.change),
        "interval_from_control": [short(from_control.low), short(from_control.high)],
        "units": from_base.units,
        "documents": len(rows),
        "bytes": sum(row["bytes"] for row in rows),
        "sources": {name: group_scores(group) for name, group in sorted(groups["source"].items())},
        "years": {name: group_scores(group) for name, group in sorted(groups["year"].items())},
    }


def group_scores(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Bits per byte of each arm over a source or a year, and over how much text: shown, never judged."""
    return {**per_byte(rows), "documents": len(rows), "bytes": sum(row["bytes"] for row in rows)}


def per_byte(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Bits per UTF-8 byte of each arm over the rows: a ratio of sums."""
    from domain.score import bits_per_byte

    size = sum(row["bytes"] for row in rows)
    return {name: short(bits_per_byte(sum(row["nats"][name] for row in rows), size)) for name in ARMS}


def short(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")

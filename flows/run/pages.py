"""The HTML pages of a run: data sheet, scorecard and pilots, each opening with its recipe, day, cost and decision."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from corpora.datasheet import page as datasheet
from domain.artifacts import PARTS
from domain.manifest import MANIFEST, write_atomically
from domain.page.page import PageHeader
from domain.release.decision import DecisionRecord
from domain.spec import fingerprint
from domain.training.metrics_log import read_points
from domain.units import amount, duration, size
from evals.page import scorecard
from evals.pilots import page as pilots
from evals.scorecard import ScorecardContent
from flows.records import RunContent, StageRecord, Stages, facts_of
from flows.run.record import RunRecord

logger = logging.getLogger(__name__)

PAGES_AFTER = ("describe", "choose", "decide", "release")  # stages after which pages are written anew
FLOPS = 6  # per parameter and token, forward and backward


def write_pages(record: RunRecord) -> list[Path]:
    """Write the pages of the stages recorded so far, ``<work>/reports/<recipe>/<day>-<settings>/``, and note them.

    They are not artifacts: they show times, and what is cached for one recipe or day is shared with others.
    """
    content = record.read()
    settings = fingerprint([content["recipe"], content["as_of"]])[:8]
    folder = record.work / "reports" / record.path.stem / f"{content['as_of']}-{settings}"
    titles = {label: (file, title) for label, (file, title, _) in RUN_PAGES.items() if label in content["stages"]}
    links = dict(titles.values()) | pilot_link(record, folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for label, (file, _) in titles.items():
        header = header_of(content, {other: title for other, title in links.items() if other != file})
        paths.append(folder / file)
        write_atomically(paths[-1], RUN_PAGES[label][2](content["stages"], header).encode())
        record.note_page(label, paths[-1])
    return paths


def restore_pages(record: RunRecord) -> None:
    """Write the pages again if one is gone, as after a purge, while the artifacts that they show still exist.

    The record may be of another's making: what it states wrongly costs the pages and not the run.
    """
    stages = record.read()["stages"].values()
    gone = any(not Path(stage["page"]).is_file() for stage in stages if "page" in stage)
    if gone and all(Path(stage["path"]).is_dir() for stage in stages):
        try:
            write_pages(record)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            logger.warning("%s: the pages cannot be written again (%s: %s)", record.path, type(error).__name__, error)


def datasheet_page(stages: Stages, header: PageHeader) -> str:
    """The page of a data sheet."""
    return datasheet.page(json.loads((Path(stages["describe"]["path"]) / "datasheet.json").read_bytes()), header)


def scorecard_page(stages: Stages, header: PageHeader) -> str:
    """The page of a scorecard, with the loss curves of the models."""
    scores = ScorecardContent.read(Path(stages["evaluate"]["path"]))
    labels = [label for label in ("base", "control", "adapted", "tune") if label in stages]
    return scorecard.page(scores, header, {label: metrics_of(stages[label]) for label in labels})


def metrics_of(stage: StageRecord) -> list[dict[str, Any]]:
    """The metrics log of a training, from the validation before its first step on."""
    first = {f"validation_{part}": stage["facts"].get(f"first_{part}") for part in PARTS}
    points = read_points(Path(stage["path"]) / "training.jsonl")
    return [{"tokens": 0, **first}, *points] if points else []


def pilots_page(stages: Stages, header: PageHeader) -> str:
    """The page of a choice."""
    return pilots.page(json.loads((Path(stages["choose"]["path"]) / "choice.json").read_bytes()), header)


RUN_PAGES: dict[str, tuple[str, str, Callable[[Stages, PageHeader], str]]] = {
    "describe": ("datasheet.html", "Data sheet", datasheet_page),
    "decide": ("scorecard.html", "Scorecard", scorecard_page),
    "choose": ("pilots.html", "Pilots", pilots_page),
}  # by the stage that completes its content: file, title and renderer


def pilot_link(record: RunRecord, folder: Path) -> dict[str, str]:
    """A link to the page of this recipe's pilots, if they were run."""
    name = f"{record.path.stem}.pilot"
    stages = RunRecord(record.work, name).read()["stages"] if RunRecord.exists(record.work, name) else {}
    if "choose" in stages and "page" in stages["choose"]:
        return {os.path.relpath(stages["choose"]["page"], folder.resolve()): "Pilots"}
    return {}


def header_of(content: RunContent, links: Mapping[str, str]) -> PageHeader:
    """The header of every page of a recorded run."""
    recipe: Mapping[str, Any] = content["recipe"]
    stages = content["stages"]
    common = {"name": recipe["name"], "as_of": content["as_of"], "links": links}
    rows = [("Base", base_name(recipe["base"])), *corpus_rows(stages), *training_rows(recipe, stages)]
    if "choose" in stages:
        outcome, *reasons = chosen(stages["choose"]["facts"])
        return PageHeader(**common, outcome=outcome, reasons=reasons, rows=rows)
    if "decide" not in stages:
        return PageHeader(**common, rows=rows)
    decision = DecisionRecord.read(Path(stages["decide"]["path"]))
    results = {True: "holds", False: "fails", None: "not tested"}
    gates = [
        f"{name} {100 * recipe['release']['gates'][name]:g}%: {results[gate.holds]}"
        for name, gate in decision.gates.items()
    ]
    rows.append(("Gates", "; ".join(gates)))
    if "release" in stages:
        rows.append(("Release", f"{Path(stages['release']['path']).name}, licence {recipe['release']['licence']}"))
    return PageHeader(
        **common, state="released" if decision.released else "refused", outcome=decision.outcome,
        reasons=decision.reasons, rows=rows,
    )  # fmt: skip


def chosen(facts: Mapping[str, Any]) -> list[str]:
    """What the pilots recommend, and why."""
    choice = facts["chosen"]
    rate = f"{choice['learning_rate']:g}"
    return [f"Chosen: {choice['domain']:.0%} domain text at a peak learning rate of {rate}", *facts["reasons"]]


def base_name(base: Mapping[str, Any]) -> str:
    """The base's weights without folders, or the shape of a base from scratch."""
    if base.get("weights"):
        weights = str(base["weights"])
        return Path(weights).name if weights.startswith(("/", "~", ".")) else weights
    shape = base["scratch"]
    return f"from scratch: {shape['architecture']}, {shape['layers']} layers, width {shape['width']}"


def corpus_rows(stages: Stages) -> Iterator[tuple[str, str]]:
    """The size of the corpus."""
    if facts := facts_of(stages, "curate"):
        documents = f"{facts['documents_out']:,} of {facts['documents_in']:,} documents kept"
        yield "Text", f"{documents}, {size(facts['bytes_out'])} of {size(facts['bytes_in'])}"


def training_rows(recipe: Mapping[str, Any], stages: Stages) -> Iterator[tuple[str, str]]:
    """Tokens by training, their time where it was measured, and their cost in FLOPs and device hours."""
    trained = {label: stage for label, stage in in_order(stages) if stage["facts"].get("tokens")}
    trained = {label: stage for label, stage in trained.items() if stage["kind"] in ("Checkpoint", "Trial")}
    if not trained:
        return
    pilot_tokens = [stage["facts"]["tokens"] for stage in trained.values() if stage["kind"] == "Trial"]
    parts = [f"{label} {amount(s['facts']['tokens'])}" for label, s in trained.items() if s["kind"] == "Checkpoint"]
    parts += [f"{len(pilot_tokens)} pilots {amount(sum(pilot_tokens))}"] if pilot_tokens else []
    yield "Tokens trained", ", ".join(parts)
    flops = sum(FLOPS * stage["facts"]["parameters"] * stage["facts"]["tokens"] for stage in trained.values())
    cost = f"{flops:.2g} FLOPs (6 per parameter and token)"
    seconds = [stage["learned"]["measured"]["seconds"] for stage in trained.values() if "learned" in stage]
    if len(seconds) == len(trained):
        manifests = [json.loads((Path(stage["path"]) / MANIFEST).read_bytes()) for stage in trained.values()]
        numerics = [manifest.get("numerics", {}) for manifest in manifests]
        devices = {f"{each['device']}, {each['precision']}" for each in numerics if each}
        yield "Training time", f"{duration(sum(seconds))} on {'; '.join(sorted(devices)) or 'unknown devices'}"
        hours = sum(s * each.get("processes", 1) for s, each in zip(seconds, numerics, strict=True)) / 3600
        cost += f", {hours:.2g} device hours"
    if budget := recipe.get("budget"):
        cost += f" (budget: {budget['gpus']} × {budget['hours']:g} h)"
    yield "Training cost", cost


def in_order(stages: Stages) -> list[tuple[str, StageRecord]]:
    """Stages by label in the order in which they ran."""
    return sorted(stages.items(), key=lambda entry: entry[1]["number"])

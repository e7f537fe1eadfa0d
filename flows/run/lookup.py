"""Finds the run that the user names: by its recipe's file, by its name, or by the folder of its corpus."""

from __future__ import annotations

import os
import re
from pathlib import Path
from shlex import quote

from corpora.ledger.ledger import LEDGER
from corpora.withdrawal.containment import made_at
from domain.errors import UserError
from flows.recipe.recipe import recipe_name, shipped
from flows.run.record import RunRecord


def run_name(work: Path, text: str) -> str:
    """The name of a recorded run, from that name or from its recipe's file."""
    recorded = RunRecord.exists(work, text) or ("/" not in text and os.path.isdir(work / "releases" / text))
    return text if recorded else recipe_name(text)


def recipe_file(work: Path, text: str) -> str:
    """The recipe that the user names: its file, the name of one that ships, or the name of one that was run."""
    if text in shipped() or os.path.isfile(text) or not RunRecord.exists(work, text):
        return text
    file = RunRecord(work, text).stored()["file"]
    return file if os.path.isfile(file) else text


def corpus_of(work: Path, run: str) -> tuple[Path, dict[Path, str]]:
    """The folder of a run's corpus, and the label of every folder of that run; raises ``UserError``."""
    folder = Path(run)
    if os.path.isdir(folder):
        labels = {raw_of(folder): "collect", folder: "curate"}
    else:
        stages = RunRecord(work, run_name(work, run)).read()["stages"]
        labels = {Path(stage["path"]): label for label, stage in stages.items()}
        corpora = [path for path, label in labels.items() if label == "curate"]
        if not corpora:
            raise UserError(run, "has no corpus in this work folder yet", f"shoptalk run {quote(run)} --until curate")
        folder = corpora[0]
    if not (folder / LEDGER).is_file():
        raise UserError(str(folder), f"holds no {LEDGER}", "name a recipe that was run, or the folder of a corpus")
    return folder, labels


def raw_of(corpus: Path) -> Path:
    """The folder of the raw text of a corpus; it may no longer exist."""
    made = made_at(corpus)
    names = [identity[:16] for identity in made.parents("Raw")] if made else []
    return corpus.parent.parent / "collect" / (names[0] if names and re.fullmatch(r"\w+", names[0]) else "gone")

"""Train a model of good text, find its threshold, or report how a recipe's filters decide on labelled text."""

from __future__ import annotations

import argparse

from flows.command.options import add_machine, add_recipe, machine_of, recipe_of
from flows.command.scoring import add_train_and_calibrate, good_texts, print_calibrated, scoring_of, train_model


def add(command: argparse.ArgumentParser) -> None:
    """The three commands below ``quality``."""
    below, train, calibrate = add_train_and_calibrate(command, "quality", "below", 0.01)
    train.add_argument("--good", required=True, metavar="LABEL", help="the label that means good text")
    train.add_argument("--own", nargs="+", default=[], metavar="FILE", help="the domain's own good text")
    calibrate.add_argument("--scorer", required=True, help="as in the recipe, such as '{linear: model.safetensors}'")
    report = below.add_parser("report", help="a recipe's filters against labelled text")
    add_recipe(report)
    report.add_argument("--labelled", nargs="+", required=True, metavar="FILE", help="texts that people have labelled")
    report.add_argument("--good", required=True, metavar="LABEL", help="the label that means good text")
    report.add_argument("--label", default="label", metavar="COLUMN")
    report.add_argument("--text", default="text", metavar="COLUMN")
    report.add_argument("--source", default=None, metavar="COLUMN", help="which source a text is of")
    add_machine(report)


def run(options: argparse.Namespace) -> int:
    """Train a model, calibrate a scorer, or report."""
    if options.what == "train":
        train_model(options, "quality", options.good, options.own)
    elif options.what == "calibrate":
        calibrate(options)
    else:
        report(options)
    return 0


def calibrate(options: argparse.Namespace) -> None:
    """Print the threshold at which at most ``--most`` of texts like these would go (confidence 95%)."""
    from corpora.filters.learned_quality import Badness, QualityScoring
    from domain.text.scorers import score_all, surely_calibrated

    scoring, good = scoring_of(QualityScoring, options.scorer), good_texts(options)
    scores = score_all(Badness(scoring), good)
    bad = surely_calibrated(scores, options.most)
    print(f"threshold: {round(1 - bad, 4)}")
    print_calibrated(scores, bad, good, "below")


def report(options: argparse.Namespace) -> None:
    """Print for each filter of the recipe its agreement with the labels and the good text that it takes, by source."""
    from pathlib import Path

    from corpora.document import Document
    from corpora.filters.filter_report import filter_reports
    from corpora.filters.train_linear import read_rows
    from domain.errors import UserError
    from flows.recipe.recipe import load_recipe

    machine = machine_of(options)
    recipe = load_recipe(recipe_of(options, machine), options.set, machine)
    columns = (options.text, options.label, *([options.source] if options.source else []))
    rows = [(name, row) for name in options.labelled for row in read_rows(Path(name), columns)]
    good = [row[1] == options.good for _, row in rows]
    if not any(good) or all(good):
        labels = ", ".join(sorted({row[1] for _, row in rows})) or "none"
        raise UserError(
            "--good",
            f"{options.good} tells no good text from bad; there are labels {labels}",
            "name one of several labels",
        )
    documents = [
        Document(id=str(number), text=row[0], source=row[2] if options.source else Path(name).stem)
        for number, (name, row) in enumerate(rows)
    ]
    for each in filter_reports(recipe.corpus.filters, documents, good):
        print(f"{each.name}: agreement {each.agreement:.3f}, kappa {each.kappa:+.2f}")
        print(f"  of bad text dropped  {each.bad_dropped}")
        for source, share in each.good_dropped.items():
            print(f"  of good text dropped {share}{f' in {source}' if source else ''}")

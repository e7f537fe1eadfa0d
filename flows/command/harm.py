"""Train a model of harmful text, or find the threshold that a domain's own text allows."""

from __future__ import annotations

import argparse

from flows.command.scoring import add_train_and_calibrate, good_texts, print_calibrated, scoring_of, train_model


def add(command: argparse.ArgumentParser) -> None:
    """The two commands below ``harm``."""
    _, train, calibrate = add_train_and_calibrate(command, "harm", "above", 0.001)
    train.add_argument("--safe", required=True, metavar="LABEL", help="the label that means no harm")
    train.add_argument("--harmless", nargs="+", default=[], metavar="FILE", help="the domain's own good text")
    calibrate.add_argument("--scorer", default="words", help="as in the recipe, such as '{linear: model.safetensors}'")


def run(options: argparse.Namespace) -> int:
    """Train a model, or calibrate a scorer."""
    if options.what == "train":
        train_model(options, "harm", options.safe, options.harmless)
    else:
        calibrate(options)
    return 0


def calibrate(options: argparse.Namespace) -> None:
    """Print the threshold at which at most ``--most`` of a domain's good texts would go, and those that come closest.

    The threshold is put into the recipe by hand: the recipe states everything that was asked for.
    """
    from corpora.filters.harm import Scoring, open_scorer
    from domain.text.scorers import calibrated, score_all

    scoring, good = scoring_of(Scoring, options.scorer), good_texts(options)
    scores = score_all(open_scorer(scoring), good)
    threshold = calibrated(scores, options.most)
    if threshold > 0:
        print(f"threshold: {threshold}")
    else:
        print("No text scores above 0, so any threshold keeps all of them; the default stays.")
    print_calibrated(scores, threshold, good, "above")

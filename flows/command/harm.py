"""Train a model of harmful text, or find the threshold that a domain's own text allows."""

from __future__ import annotations

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """The two commands below ``harm``."""
    below = command.add_subparsers(dest="what", required=True, metavar="COMMAND")
    train = below.add_parser("train", help="labelled examples to a linear model for the harm filter")
    train.add_argument("examples", nargs="+", help="JSON Lines files with a text and a label")
    train.add_argument("--out", required=True, metavar="FILE", help="the model, a .safetensors file")
    train.add_argument("--safe", required=True, metavar="LABEL", help="the label that means no harm")
    train.add_argument("--harmless", nargs="+", default=[], metavar="FILE", help="the domain's own good text")
    train.add_argument("--label", default="label", metavar="COLUMN")
    train.add_argument("--seed", type=int, default=0)
    calibrate = below.add_parser("calibrate", help="the threshold above which few of a domain's good texts lie")
    calibrate.add_argument("texts", nargs="+", help="files of the domain's own good text")
    calibrate.add_argument("--scorer", default="words", help="as in the recipe, such as '{linear: model.safetensors}'")
    calibrate.add_argument("--most", type=float, default=0.001, metavar="SHARE", help="of good texts that may be lost")
    for one in (train, calibrate):
        one.add_argument("--text", default="text", metavar="COLUMN")


def run(options: argparse.Namespace) -> int:
    """Train a model, or calibrate a scorer."""
    (train if options.what == "train" else calibrate)(options)
    return 0


def train(options: argparse.Namespace) -> None:
    """Train on labelled examples and write the model; print how it scores the half held out.

    ``--harmless`` names files of the domain's own good text. Stretches of it, half as many as the safe examples, are
    added to these: on filings it takes false positives at 0.5 from 40 in 10,341 to none at equal F1 on posts.
    """
    from pathlib import Path

    from corpora.filters.train_harm import passages, read_rows
    from corpora.filters.train_harm import train as fit
    from domain.errors import UserError

    path, safe = Path(options.out), options.safe
    if path.suffix != ".safetensors":
        fix = f"write --out {path.with_suffix('.safetensors')}"
        raise UserError("--out", f"{options.out} does not end in .safetensors", fix)
    columns = (options.text, options.label)
    examples = [(row[0], row[1]) for name in options.examples for row in read_rows(Path(name), columns)]
    good = [row[0] for name in options.harmless for row in read_rows(Path(name), (options.text,))]
    count = len({row for row in examples if row[1] == safe}) // 2
    rows = [*examples, *((each, safe) for each in passages(good, count, options.seed))]
    model = fit(rows, safe=safe, seed=options.seed)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
    except OSError as error:
        raise UserError("--out", f"{options.out} cannot be written ({error.strerror})", "name another file") from None
    measured = model.header["measured"]
    print(f"Wrote {options.out}: {', '.join(f'{name} {n:,}' for name, n in model.header['examples'].items())}")
    print(
        f"On the half held out from a first model ({measured['examples']:,}): "
        f"precision {measured['precision']:.3f}, recall {measured['recall']:.3f}, F1 {measured['f1']:.3f}"
    )
    for name, share in measured["called_harm"].items():
        print(f"  called harm: {share:7.2%} of {name}")
    print(f"In the recipe: {{kind: harm, scorer: {{linear: {options.out}}}, threshold: 0.5}}")


def calibrate(options: argparse.Namespace) -> None:
    """Print the threshold at which at most ``--most`` of a domain's good texts would go, and those that come closest.

    The threshold is put into the recipe by hand: the recipe states everything that was asked for.
    """
    from pathlib import Path

    from pydantic import TypeAdapter, ValidationError

    from corpora.filters.harm import Scoring, open_scorer
    from corpora.filters.privacy import mask_all
    from corpora.filters.train_harm import read_rows
    from domain.advice import advice
    from domain.errors import UserError
    from domain.text.harm import calibrated, false_positives, score_all
    from domain.yamlfile import parse_yaml

    if not 0.0 <= options.most < 1.0:
        raise UserError("--most", f"{options.most} is not a share", "write for instance 0.001")
    try:
        value, folder = parse_yaml(options.scorer, "--scorer"), Path.cwd()
        scoring = TypeAdapter(Scoring).validate_python(value, context={"folder": folder})
    except ValidationError as error:
        raise UserError("--scorer", advice(error.errors()[0]), "write it as in the recipe") from None
    good = [row[0] for name in options.texts for row in read_rows(Path(name), (options.text,))]
    if not good:
        raise UserError(", ".join(options.texts), "holds no text", "name files of the domain's own good text")
    scores = score_all(open_scorer(scoring), good)
    threshold = calibrated(scores, options.most)
    result = false_positives(scores, threshold)
    if threshold > 0:
        print(f"threshold: {threshold}")
    else:
        print("No text scores above 0, so any threshold keeps all of them; the default stays.")
    print(
        f"{result.flagged} of {result.texts:,} texts above it; "
        f"the rate is at most {result.upper_bound:.4%} (confidence 95%)"
    )
    for number, score, label in result.worst:
        print(f"  {score:.4f} {label}: {' '.join(mask_all(good[number]).split())[:100]}")

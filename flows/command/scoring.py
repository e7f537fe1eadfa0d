"""What the commands ``harm`` and ``quality`` share: train a linear model on labelled text, and calibrate a scorer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from domain.spec import Spec
    from domain.text.scorers import Scores

    S = TypeVar("S", bound=Spec)
    Below = argparse._SubParsersAction[argparse.ArgumentParser]


def add_train_and_calibrate(
    command: argparse.ArgumentParser, purpose: str, side: str, share: float
) -> tuple[Below, argparse.ArgumentParser, argparse.ArgumentParser]:
    """The place for further commands, and ``train`` and ``calibrate`` with the options that all purposes have."""
    below = command.add_subparsers(dest="what", required=True, metavar="COMMAND")
    train = below.add_parser("train", help=f"labelled examples to a linear model for the {purpose} filter")
    train.add_argument("examples", nargs="+", help="JSON Lines files with a text and a label")
    train.add_argument("--out", required=True, metavar="FILE", help="the model, a .safetensors file")
    train.add_argument("--label", default="label", metavar="COLUMN")
    train.add_argument("--text", default="text", metavar="COLUMN")
    train.add_argument("--seed", type=int, default=0)
    calibrate = below.add_parser("calibrate", help=f"the threshold {side} which few of a domain's good texts lie")
    calibrate.add_argument("texts", nargs="+", help="files of the domain's own good text")
    calibrate.add_argument("--most", type=float, default=share, metavar="SHARE", help="of good texts that may be lost")
    calibrate.add_argument("--text", default="text", metavar="COLUMN")
    return below, train, calibrate


def train_model(options: argparse.Namespace, purpose: str, safe: str, own: list[str]) -> None:
    """Train on labelled examples and write the model; print how it scores the half held out.

    ``own`` are files of the domain's own good text. Stretches of it, half as many as the safe examples, are added to
    these: on filings it takes false positives of harm at 0.5 from 40 in 10,341 to none at equal F1 on posts.
    """
    from pathlib import Path

    from corpora.filters.train_linear import passages, read_rows, window_of
    from corpora.filters.train_linear import train as fit
    from domain.errors import UserError

    path = Path(options.out)
    if path.suffix != ".safetensors":
        fix = f"write --out {path.with_suffix('.safetensors')}"
        raise UserError("--out", f"{options.out} does not end in .safetensors", fix)
    columns = (options.text, options.label)
    examples = [(row[0], row[1]) for name in options.examples for row in read_rows(Path(name), columns)]
    good = [row[0] for name in own for row in read_rows(Path(name), (options.text,))]
    count = len({row for row in examples if row[1] == safe}) // 2
    rows = [*examples, *((each, safe) for each in passages(good, count, options.seed, window_of(purpose)))]
    model = fit(rows, safe=safe, seed=options.seed, purpose=purpose)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
    except OSError as error:
        raise UserError("--out", f"{options.out} cannot be written ({error.strerror})", "name another file") from None
    measured = model.header["measured"]
    print(f"Wrote {options.out}: {', '.join(f'{name} {n:,}' for name, n in model.header['examples'].items())}")
    print(
        f"On the half held out from a first model ({measured['examples']:,}): precision {measured['precision']:.3f}, "
        f"recall {measured['recall']:.3f}, F1 {measured['f1']:.3f}, AUC {measured['auc']:.3f}"
    )
    for name, share in measured["called_harm"].items():
        print(f"  called {'harm' if purpose == 'harm' else 'bad'}: {share:7.2%} of {name}")
    print(f"In the recipe: {{kind: {purpose}, scorer: {{linear: {options.out}}}, threshold: 0.5}}")


def scoring_of(kind: type[S], text: str) -> S:
    """A scorer written as in the recipe; raises ``UserError``."""
    from pathlib import Path

    from pydantic import TypeAdapter, ValidationError

    from domain.advice import advice
    from domain.errors import UserError
    from domain.yamlfile import parse_yaml

    try:
        value = parse_yaml(text, "--scorer")
        return TypeAdapter(kind).validate_python(value, context={"folder": Path.cwd()})
    except ValidationError as error:
        raise UserError("--scorer", advice(error.errors()[0]), "write it as in the recipe") from None


def good_texts(options: argparse.Namespace) -> list[str]:
    """The texts to calibrate on; raises ``UserError`` for a share that is none, and where there are none."""
    from pathlib import Path

    from corpora.filters.train_linear import read_rows
    from domain.errors import UserError

    if not 0.0 <= options.most < 1.0:
        raise UserError("--most", f"{options.most} is not a share", "write for instance 0.001")
    good = [row[0] for name in options.texts for row in read_rows(Path(name), (options.text,))]
    if not good:
        raise UserError(", ".join(options.texts), "holds no text", "name files of the domain's own good text")
    return good


def print_calibrated(scores: Scores, threshold: float, good: list[str], side: str) -> None:
    """How many good texts lie beyond a threshold, and those that come closest, masked."""
    from corpora.filters.privacy import mask_all
    from domain.text.scorers import false_positives

    result = false_positives(scores, threshold)
    print(
        f"{result.flagged} of {result.texts:,} texts {side} it; "
        f"the rate is at most {result.upper_bound:.4%} (confidence 95%)"
    )
    for number, score, label in result.worst:
        print(f"  {score:.4f} {label}: {' '.join(mask_all(good[number]).split())[:100]}")

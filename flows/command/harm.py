"""What ``shoptalk harm`` does: train a linear harm model, and find the threshold that a domain's own text allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from domain.errors import UserError


def train(
    examples: Sequence[str], out: str, *, safe: str, harmless: Sequence[str], text: str, label: str, seed: int
) -> None:
    """Train on labelled ``examples`` and write the model to ``out``; print what the held-out half says of it.

    ``harmless`` are files of the domain's own good text. Stretches of it, half as many as the safe examples, are
    added to these: on filings it takes false positives at 0.5 from 40 in 10,341 to none at equal F1 on posts.
    """
    from corpora.filters.train_harm import passages, read_rows
    from corpora.filters.train_harm import train as fit

    path = Path(out)
    if path.suffix != ".safetensors":
        raise UserError(
            "--out", f"{out} does not end in .safetensors", f"write --out {path.with_suffix('.safetensors')}"
        )
    given = [(row[0], row[1]) for name in examples for row in read_rows(Path(name), (text, label))]
    good = [row[0] for name in harmless for row in read_rows(Path(name), (text,))]
    count = len({row for row in given if row[1] == safe})
    model = fit([*given, *((each, safe) for each in passages(good, count // 2, seed))], safe=safe, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    measured = model.header["measured"]
    print(f"Wrote {out}: {', '.join(f'{name} {n:,}' for name, n in model.header['examples'].items())}")
    print(
        f"On the half that a first model did not see ({measured['examples']:,}): "
        f"precision {measured['precision']:.3f}, recall {measured['recall']:.3f}, F1 {measured['f1']:.3f}"
    )
    for name, share in measured["called_harm"].items():
        print(f"  called harm: {share:7.2%} of {name}")
    print(f"In the recipe: {{kind: harm, scorer: {{linear: {out}}}, threshold: 0.5}}")


def calibrate(texts: Sequence[str], *, scorer: str, most: float, text: str) -> None:
    """Print the threshold at which at most ``most`` of a domain's good texts would go, and those that come closest.

    ``scorer`` is written as in the recipe. The threshold is put there by hand: the recipe says all that was asked.
    """
    from corpora.filters.harm import Scoring, open_scorer
    from corpora.filters.privacy import mask_all
    from corpora.filters.train_harm import read_rows
    from domain.text.harm import calibrated, false_positives, score_all

    if not 0.0 <= most < 1.0:
        raise UserError("--most", f"{most} is no share", "write for instance 0.001")
    try:
        scoring = TypeAdapter(Scoring).validate_python(yaml.safe_load(scorer), context={"folder": Path.cwd()})
    except (ValidationError, yaml.YAMLError) as error:
        told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error).splitlines()[0]
        raise UserError("--scorer", told.removeprefix("Value error, "), "write it as in the recipe") from None
    good = [row[0] for name in texts for row in read_rows(Path(name), (text,))]
    if not good:
        raise UserError(", ".join(texts), "holds no text", "name files of the domain's own good text")
    scores = score_all(open_scorer(scoring), good)
    threshold = calibrated(scores, most)
    found = false_positives(scores, threshold)
    print(f"threshold: {threshold}")
    print(f"{found.flagged} of {found.texts:,} texts above it; the rate is at most {found.most:.4%} (confidence 95%)")
    for number, score, label in found.worst:
        print(f"  {score:.4f} {label}: {' '.join(mask_all(good[number]).split())[:100]}")

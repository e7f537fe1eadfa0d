"""Real text as a corpus, and a base that has learned from it, by the stages themselves."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from domain.artifacts import Checkpoint, Corpus, Tokens
from domain.machine import Machine
from domain.manifest import seal
from domain.model.spec import Base
from tests.benchmarks.corpora.__main__ import prepared, texts_of
from tests.benchmarks.training.material import Given

ARCHITECTURES = {"causal": "llama", "masked": "bert", "span": "t5", "denoising": "bart"}
DOCUMENTS, LONGEST = 60, 5_000  # of each part, in characters; and a third as many to look at
PIECES, BATCH = 1_024, 1_024
LEARNING: dict[str, Any] = {"batch": BATCH, "learning_rate": 3e-3, "validation": {"every": 50}}
SHAPE: dict[str, Any] = {"width": 64, "layers": 2, "heads": 4, "context": 128}


def texts(given: Given) -> Path:
    """The folder with ``finance`` and ``general``."""
    if given.text:
        return given.text
    folder = given.work / "texts"
    return folder if folder.exists() else prepared(folder)


def written(folder: Path, origin: Path) -> Corpus:
    """A corpus of the first documents of finance and general text."""
    splits: dict[str, Any] = {}
    for split, first, last in (("train", 0, DOCUMENTS), ("validation", DOCUMENTS, DOCUMENTS * 4 // 3)):
        (folder / split).mkdir(parents=True)
        splits[split] = {}
        for part, source in (("domain", "finance"), ("general", "general")):
            found = [text[:LONGEST] for text in texts_of(origin / source)[first:last]]
            known = {"source": source, "url": None, "licence": "mit", "date": None, "language": "en"}
            lines = ({"id": f"{source}-{n}", "cluster": str(n), "text": text, **known} for n, text in enumerate(found))
            path = folder / split / f"{part}-00000.jsonl"
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            splits[split][part] = {"documents": len(found), "bytes": sum(len(text.encode()) for text in found)}
    fields: dict[str, Any] = {"stage": "curate", "version": 1, "spec": None, "parents": {}}
    seal(folder, identity="0" * 64, kind="Corpus", facts={"splits": splits}, **fields)
    return Corpus.open(folder)


def based(folder: Path, origin: Path, objective: str, machine: Machine) -> tuple[Checkpoint, Tokens]:
    """A small base of the family that the objective is for, from ten batches, and the tokens to go on with."""
    from domain.tokenizer.fit import Fitting, fit
    from domain.tokens.encode import Encoding, encode
    from domain.training.pretrain import prepare

    shape = {"architecture": ARCHITECTURES[objective], **SHAPE}
    learning = {**LEARNING, "objective": objective}
    base = Base.model_validate({"scratch": shape, "tokens": 10 * BATCH, "learning": learning})
    with redirect_stdout(sys.stderr):  # rows are alone there
        corpus = written(folder / "corpus", origin)
        tokenizer = fit(
            Fitting(vocab_size=PIECES, objective=objective), corpus=corpus, out=folder / "tokenizer", machine=machine
        )
        tokens = encode(Encoding(), corpus=corpus, tokenizer=tokenizer, out=folder / "tokens", machine=machine)
        return prepare(base, tokens=tokens, tokenizer=tokenizer, out=folder / "base", machine=machine), tokens

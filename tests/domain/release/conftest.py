"""A whole release made by hand: a tiny model, and the artifacts on its way with all their facts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COUNTS = {"documents": 70, "ngrams": 8_000, "in_training": 464}
NEW = {
    "base": 2.6, "adapted": 2.1, "control": 2.4, "change": -0.19231, "interval": [-0.2, -0.18],
    "change_from_control": -0.125, "interval_from_control": [-0.131, -0.118],
    "units": 50, "documents": 58, "bytes": 80_000,
}  # fmt: skip
OVERLAP = {"words": 13, "sources": {"filings": COUNTS}, "new_text": [{"max_share": 0.0, "score": NEW}]}
SCORE = {
    "base": 2.5312, "adapted": 2.0125, "control": 2.4111, "change": -0.20492, "interval": [-0.21, -0.2],
    "change_from_control": -0.16532, "interval_from_control": [-0.171, -0.159],
    "units": 60, "documents": 70, "bytes": 90_000, "overlap": OVERLAP,
}  # fmt: skip
FACTS = {
    "documents_in": 1000, "documents_out": 900, "quarantined": 0, "bytes_in": 2_000_000, "bytes_out": 1_500_000,
    "dropped": {"exact duplicate": 60, "licence header": 40}, "changed": {"email": 7},
    "splits": {
        "train": {"domain": {"documents": 500, "bytes": 900_000}, "general": {"documents": 300, "bytes": 500_000}},
        "test": {"domain": {"documents": 70, "bytes": 90_000}, "general": {"documents": 30, "bytes": 10_000}},
    },
    "sources": {"filings": {"in": 600, "out": 570, "dropped": 30}, "web": {"in": 400, "out": 330, "dropped": 70}},
}  # fmt: skip
FITTED = {"measures": {"size": 320, "bytes_per_token": {"domain": 4.5, "general": None}}, "verdict": None}
RECIPE = {
    "name": "filings",
    "base": "/home/someone/models/stories",
    "corpus": {"domain": [{"kind": "files", "path": "/home/someone/filings/*.jsonl", "text": "body"}]},
}

Made = Callable[..., dict[str, Any]]


def sealed(kind: Any, folder: Path, *, stage: str, facts: Any, spec: Any = None, **parents: Any) -> Any:
    """A finished artifact of what already stands in ``folder``."""
    from domain.manifest import seal

    folder.mkdir(parents=True, exist_ok=True)
    named = {
        name: {"kind": type(parent).__name__, "identity": parent.identity, "digest": parent.digest}
        for name, parent in parents.items()
    }
    fields = {"version": 1, "kind": kind.__name__, "parents": named, "spec": spec, "facts": facts}
    seal(folder, identity=f"{stage}-identity", stage=stage, **fields)
    return kind.open(folder)


@pytest.fixture(scope="session")
def parts(tokenizer: Any) -> Made:
    """``parts(folder, released=True)``: the parents of the release stage by name."""
    from domain.artifacts import Checkpoint, Corpus, Datasheet, Decision, Protected, Raw, Scorecard, Tokens
    from domain.manifest import write_json
    from domain.model.build import build, parameters, save
    from domain.model.spec import Base, Scratch
    from domain.settings.learning import Training

    def make(folder: Path, released: bool = True) -> dict[str, Any]:
        (folder / "raw").mkdir(parents=True)
        (folder / "raw" / "inventory.jsonl").write_text("{}\n")
        raw = sealed(Raw, folder / "raw", stage="collect", facts={})
        protected = sealed(Protected, folder / "protected", stage="protect", facts={})
        corpus = sealed(Corpus, folder / "corpus", raw=raw, protected=protected, stage="curate", facts=FACTS)
        tokens = sealed(Tokens, folder / "tokens", corpus=corpus, tokenizer=tokenizer, stage="encode", facts={})
        shape = Scratch(width=32, layers=1, heads=2, context=64)
        model = build(shape, tokenizer.path, seed=0)
        known = {"parameters": parameters(model), "context": 64, "tokens": 2_560, "loss": 5.5}
        save(model, tokenizer.path, folder / "base")
        asked = Base(scratch=shape, tokens=2_560).identity_key()
        base = sealed(Checkpoint, folder / "base", tokens=tokens, stage="base", facts=known, spec=asked)
        save(model, tokenizer.path, folder / "adapted")
        (folder / "adapted" / "training.jsonl").write_text("{}\n")
        known |= {"epochs": {"domain": 0.5, "general": 0.25}}
        asked = Training(tokens=2_560).identity_key()
        adapted = sealed(
            Checkpoint, folder / "adapted", base=base, tokens=tokens, stage="pretrain", facts=known, spec=asked
        )
        scorecard = sealed(Scorecard, folder / "scorecard", stage="evaluate", facts={})
        (folder / "decision").mkdir()
        scores = {"domain": SCORE, "general": {**SCORE, "adapted": 2.1}}
        evidence = {"scores": scores, "reasons": ["It is better."], "tokenizer": FITTED}
        write_json(folder / "decision" / "decision.json", {"released": released, "gates": {}, **evidence})
        verdict = {"released": released, "reasons": ["It is better." if released else "It is no better."]}
        decision = sealed(Decision, folder / "decision", scorecard=scorecard, stage="decide", facts=verdict)
        sheet = {"languages": {"en": 900, "de": 95, "fr": 5}, "licences": {"mit": 600, "reuters-21578": 400}}
        datasheet = sealed(Datasheet, folder / "datasheet", corpus=corpus, stage="describe", facts=sheet)
        return {
            "decision": decision, "adapted": adapted, "base": base, "corpus": corpus, "tokenizer": tokenizer,
            "datasheet": datasheet,
        }  # fmt: skip

    return make


@pytest.fixture(scope="session")
def released(parts: Made, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Release, and the artifacts it was made from."""
    from domain.release.bundle import ReleaseSpec, release

    folder = tmp_path_factory.mktemp("released")
    made = parts(folder)
    spec = ReleaseSpec(name="filings", licence="apache-2.0", recipe=RECIPE)
    return release(spec, **made, out=folder / "release"), made

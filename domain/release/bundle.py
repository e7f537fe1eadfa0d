"""Decision -> Release: the adapted model with all its evidence, or a refusal with the reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from domain.artifacts import Artifact, Checkpoint, Corpus, Decision, Release, Tokenizer
from domain.errors import Refusal
from domain.machine import Machine
from domain.manifest import MANIFEST, file_sha256, write_json
from domain.release.card import card
from domain.spec import Spec, fingerprint
from domain.stage import stage

OWN = {MANIFEST, "training.jsonl"}  # of the checkpoint, not of the release
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


class ReleaseSpec(Spec):
    """What the release says of itself."""

    name: str
    licence: str
    recipe: Annotated[dict[str, Any], Field(description="the recipe as it was written, for the lineage")]
    intended_use: str = ""
    limitations: str = ""


@stage("release", makes=Release, version=1)
def release(
    spec: ReleaseSpec,
    decision: Decision,
    adapted: Checkpoint,
    base: Checkpoint,
    corpus: Corpus,
    tokenizer: Tokenizer,
    *,
    out: Path,
    machine: Machine,
) -> dict[str, Any]:
    """Decision -> Release. facts: ``name``, ``licence``, ``parameters``.

    Raises ``Refusal`` with the decision's reasons where the gates do not hold.
    """
    if not decision.facts["released"]:
        raise Refusal("release.gates", "do not hold: " + " ".join(decision.facts["reasons"]), "see the scorecard")
    for path in sorted(p for p in adapted.path.rglob("*") if p.is_file()):
        name = path.relative_to(adapted.path).as_posix()
        if path.suffix in PICKLES:
            raise Refusal(str(path), "is a pickle", "only safetensors are released")
        if name not in OWN:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / name)
    decided = json.loads((decision.path / "decision.json").read_text(encoding="utf-8"))
    text = card(
        name=spec.name,
        licence=spec.licence,
        intended_use=spec.intended_use,
        limitations=spec.limitations,
        scores=decided["scores"],
        reasons=decided["reasons"],
        base=base,
        adapted=adapted,
        corpus=corpus,
        tokenizer=tokenizer,
    )
    (out / "README.md").write_text(text, encoding="utf-8")
    write_json(out / "lineage.json", lineage(spec, decision, adapted, base, corpus, tokenizer))
    sums = "".join(
        f"{file_sha256(path)}  {path.relative_to(out).as_posix()}\n"
        for path in sorted(out.rglob("*"))
        if path.is_file()
    )
    (out / "SHA256SUMS").write_text(sums, encoding="utf-8")
    return {"name": spec.name, "licence": spec.licence, "parameters": adapted.facts["parameters"]}


def lineage(spec: ReleaseSpec, *artifacts: Artifact) -> dict[str, Any]:
    """The recipe, and identity, digest, spec and parents of everything that the release was made from."""
    fields = ("identity", "digest", "spec", "parents", "facts")
    made = {a.manifest["stage"]: {key: a.manifest[key] for key in fields} for a in artifacts}
    return {"recipe": spec.recipe, "recipe_digest": fingerprint(spec.recipe), "artifacts": made}

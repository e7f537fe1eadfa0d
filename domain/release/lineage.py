"""What a release was made from: the recipe, and the identity, digest and numbers of every artifact on its way."""

from __future__ import annotations

import re
from typing import Any

from domain.artifacts import Artifact, Checkpoint, Corpus, Decision, Tokenizer
from domain.spec import fingerprint

ABSOLUTE = re.compile(r"(?:/|~[^/\s]*/|file:|[A-Za-z]:[\\/])")
SECRET = re.compile(r"(?<=://)[^/@\s]+@")  # user and password in an address


def portable(value: Any) -> Any:
    """``value`` (JSON) without what tells of a machine: of an absolute path the last name stays, addresses lose
    user and password. A release is made to be given away.
    """
    if isinstance(value, dict):
        return {key: portable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [portable(one) for one in value]
    if not isinstance(value, str):
        return value
    if ABSOLUTE.match(value):
        return ".../" + re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    return SECRET.sub("", value)


def lineage(
    recipe: dict[str, Any],
    decision: Decision,
    adapted: Checkpoint,
    base: Checkpoint,
    corpus: Corpus,
    tokenizer: Tokenizer,
    tuned: Checkpoint | None = None,
) -> dict[str, Any]:
    """``recipe``; ``digests`` of it and of all that the release rests on; ``artifacts`` with specs, parents, facts
    and, if they were trained or scored, numerics.

    Digests of what a stage was given (raw text, protected texts, tokens, scorecard) are read from its manifest.
    """
    made = {"decision": decision, "adapted": adapted, "base": base, "corpus": corpus, "tokenizer": tokenizer}
    made |= {"tuned": tuned} if tuned else {}
    digests = {name: artifact.digest for name, artifact in made.items()}
    for artifact in made.values():
        for kind in ("Raw", "Protected", "Tokens", "Scorecard"):
            digests.update({kind.lower(): digest for digest in given(artifact, kind)})
    fields = ("stage", "identity", "digest", "spec", "parents", "facts", "numerics")
    artifacts = {
        name: {key: artifact.manifest[key] for key in fields if key in artifact.manifest}
        for name, artifact in made.items()
    }
    return {"recipe": recipe, "digests": {"recipe": fingerprint(recipe), **digests}, "artifacts": artifacts}


def given(artifact: Artifact, kind: str) -> list[str]:
    """Digests of the parents of that kind."""
    return [parent["digest"] for parent in artifact.manifest["parents"].values() if parent["kind"] == kind]

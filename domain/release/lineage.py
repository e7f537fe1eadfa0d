"""The lineage of a release: the recipe, and the identity, digest and facts of every artifact it was made from."""

from __future__ import annotations

import re
from typing import Any

from domain.artifacts import Artifact
from domain.spec import fingerprint
from domain.url_secrets import shown

# A path that starts at a root, at a home or above the current folder, on Unix or Windows, up to its last name.
ROOT = r"(?:file:/*|~[\w.-]*[\\/]|(?:\.\.[\\/])+|/(?!/)|[A-Za-z]:[\\/]|\\\\)"
ABSOLUTE = re.compile(ROOT)
EMBEDDED = re.compile(rf"(?<![\w./~\\-]){ROOT}(?:[^\s\"'<>|:;,()\\/]*[\\/])*(?=\w)")


def portable(value: Any) -> Any:
    """``value`` (JSON) without traces of a machine, since releases are published: paths that name its folders are cut
    to their last name, and URLs lose their secrets, in keys as in values.
    """
    if isinstance(value, dict):
        cut: dict[str, Any] = {}
        for key, one in value.items():
            name = portable(key)
            while name in cut:  # two paths of the same last name
                name += "'"
            cut[name] = portable(one)
        return cut
    if isinstance(value, list | tuple):
        return [portable(one) for one in value]
    if not isinstance(value, str):
        return value
    if ABSOLUTE.match(value):
        return ".../" + re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    return EMBEDDED.sub(".../", shown(value))


def lineage(recipe: dict[str, Any], **made: Artifact) -> dict[str, Any]:
    """``recipe``; ``digests`` of it, of the artifacts ``made`` and of their parents of other kinds; ``artifacts`` with
    specs, parents, facts and, of trained or scored ones, numerics.
    """
    digests = {name: artifact.digest for name, artifact in made.items()}
    for artifact in made.values():
        for kind in ("Raw", "Protected", "Tokens", "Scorecard"):
            digests.update({kind.lower(): digest for digest in parents_of(artifact, kind)})
    fields = ("stage", "identity", "digest", "spec", "parents", "facts", "numerics")
    artifacts = {
        name: {key: artifact.manifest[key] for key in fields if key in artifact.manifest}
        for name, artifact in made.items()
    }
    return {"recipe": recipe, "digests": {"recipe": fingerprint(recipe), **digests}, "artifacts": artifacts}


def parents_of(artifact: Artifact, kind: str) -> list[str]:
    """Digests of an artifact's parents of a kind."""
    return [parent["digest"] for parent in artifact.manifest["parents"].values() if parent["kind"] == kind]

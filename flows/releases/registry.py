"""Records releases by recipe, apart from runs, so that no later run hides one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from domain.errors import UserError
from domain.manifest import is_sha256, write_json
from flows.recipe.recipe import find_recipe, recipe_name
from flows.record_checks import read_release
from flows.records import RunContent, Stages, located


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A release: of which recipe and day, when it was made, and the stages that led to it."""

    recipe: str
    file: str
    as_of: str
    released: str
    path: Path
    stages: Stages

    @property
    def available(self) -> bool:
        """Whether its folder still exists."""
        return (self.path / "manifest.json").is_file()


def record_release(work: Path, recipe: str, run: RunContent) -> None:
    """Record the release of a run, ``<work>/releases/<recipe>/<day>-<identity>.json``; once for each release."""
    release = run["stages"]["release"]
    if not is_sha256(release["identity"]):  # a file is named by it
        raise UserError(
            str(work / "runs" / f"{recipe}.json"), "names a release of no identity", "remove it, then run again"
        )
    path = work / "releases" / recipe / f"{run['as_of']}-{release['identity'][:16]}.json"
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    released = datetime.now(UTC).isoformat(timespec="seconds")
    stages = run["stages"]
    write_json(path, {"file": run["file"], "as_of": run["as_of"], "released": released, "stages": stages})


def list_releases(work: Path, recipe: str = "") -> list[Recorded]:
    """The releases of a recipe, or of all, the newest day first, and of one day the one made last."""
    releases = []
    for path in (work / "releases").glob("*/*.json"):
        if recipe not in ("", path.parent.name):
            continue
        content = read_release(path)
        stages = located(content["stages"], work)
        releases.append(
            Recorded(
                recipe=path.parent.name,
                file=content["file"],
                as_of=content["as_of"],
                released=content["released"],
                path=Path(stages["release"]["path"]),
                stages=stages,
            )
        )
    return sorted(releases, key=lambda each: (each.as_of, each.released), reverse=True)


def releases_of(work: Path, text: str) -> list[Recorded]:
    """The releases of a recipe, named by its file or its name. Of two files with one name each has its own."""
    named = list_releases(work, text) if "/" not in text else []
    if named:
        return named
    if "/" not in text and os.path.isfile(work / "runs" / f"{text}.json"):  # it was run, and has released nothing
        return []
    releases = list_releases(work, recipe_name(text))
    file = os.path.realpath(find_recipe(text))
    own = [each for each in releases if each.file == file]
    return own or releases


def newest_release(work: Path, text: str) -> Recorded | None:
    """The newest release whose folder still exists."""
    return next((each for each in releases_of(work, text) if each.available), None)


def release_folder(work: Path, text: str) -> tuple[Path, str]:
    """The folder of a release and the day of its text: a path (no day), or the newest release of a recipe."""
    if os.path.isdir(text):
        return Path(text), ""
    release = newest_release(work, text)
    if release is None:
        raise UserError(text, "has no release in this work folder", f"shoptalk run {quote(text)}, and see its decision")
    return release.path, release.as_of

"""List the releases of a work folder."""

from __future__ import annotations

import argparse
from shlex import quote

from flows.command.options import add_work, machine_of


def add(command: argparse.ArgumentParser) -> None:
    """The commands below ``release``."""
    below = command.add_subparsers(dest="what", required=True, metavar="COMMAND")
    listing = below.add_parser("list", help="the releases of a recipe, or of all, the newest first")
    listing.add_argument("recipe", nargs="?", help="a recipe that was run, its file or its name (default: all)")
    listing.add_argument("--json", action="store_true", help="print JSON Lines")
    add_work(listing)


def run(options: argparse.Namespace) -> int:
    """Print a line for each release: its day, its scores and its folder."""
    import json

    from domain.errors import UserError
    from domain.release.scores import PartScore
    from domain.units import relative
    from flows.releases.registry import list_releases, releases_of

    work = machine_of(options).work
    releases = releases_of(work, options.recipe) if options.recipe else list_releases(work)
    if not releases:
        place, run = options.recipe or str(work), options.recipe or "RECIPE"
        raise UserError(place, "has no release in this work folder", f"shoptalk run {quote(run)}, and see its decision")
    for each in releases:
        facts = each.stages["evaluate"]["facts"]
        scores = {part: PartScore.from_dict(facts[part]) for part in ("domain", "general")}
        # As the gates judge them: the gain on domain text against the control, general text against the base.
        changes = {
            "domain_gain": scores["domain"].changes["control"].value,
            "general_loss": scores["general"].changes["base"].value,
        }
        if options.json:
            row = {"recipe": each.recipe, "as_of": each.as_of, "released": each.released, "path": str(each.path)}
            print(json.dumps({**row, "available": each.available, **changes}))
            continue
        shown = f"domain {changes['domain_gain']:+.1%}, general {changes['general_loss']:+.1%}"
        gone = "" if each.available else " (folder is gone)"
        print(f"{each.recipe:16} as of {each.as_of}  {shown}  {relative(str(each.path))}{gone}")
    return 0

"""Show the newest release of a recipe, and how its last run ended."""

from __future__ import annotations

import argparse

from flows.command.options import add_work, machine_of


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("recipe", help="a recipe that was run, its file or its name")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_work(command)


def run(options: argparse.Namespace) -> int:
    """Print the table, or all that is recorded as JSON; 0 however the run ended, which is in ``run.exit_code``."""
    import json

    from flows.releases.registry import newest_release
    from flows.run.lookup import run_name
    from flows.run.record import RunRecord
    from flows.run.summary_table import as_json, print_release

    work = machine_of(options).work
    name = run_name(work, options.recipe)
    release = newest_release(work, options.recipe)
    run = RunRecord(work, name).shown() if release is None or RunRecord.exists(work, name) else None
    if options.json:
        print(json.dumps(as_json(run, release), indent=2, ensure_ascii=False))
    else:
        print_release(name, run, release)
    return 0

"""Show the data sheet of a run in numbers, and where its page is."""

from __future__ import annotations

import argparse
from shlex import quote

from flows.command.options import add_run, add_work, machine_of


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add_run(command)
    command.add_argument("--json", action="store_true", help="print the whole sheet as JSON")
    add_work(command)


def run(options: argparse.Namespace) -> int:
    """Print a line for each source, or the sheet as JSON."""
    import json

    from corpora.ledger.samples import plain
    from domain.errors import UserError
    from domain.units import relative
    from flows.run.lookup import corpus_of, run_name
    from flows.run.record import RunRecord

    work = machine_of(options).work
    _, labels = corpus_of(work, options.run)
    folder = next((path for path, label in labels.items() if label == "describe"), None)
    if folder is None or not (folder / "datasheet.json").is_file():
        fix = f"shoptalk run {quote(options.run)} --until describe"
        raise UserError(options.run, "has no data sheet in this work folder", fix)
    content = (folder / "datasheet.json").read_text(encoding="utf-8")
    if options.json:
        print(content, end="")
        return 0
    sheet = json.loads(content)
    for row in [*sheet["sources"], {"part": "all", "source": "", **sheet["total"]}]:
        share = "" if row["retention"] is None else f" ({row['retention']:.1%} of the bytes)"
        documents = f"{row['documents_kept']:,} of {row['documents']:,} documents kept"
        size = f"{row['bytes_kept'] / 1e6:,.2f} of {row['bytes'] / 1e6:,.2f} MB{share}"
        print(f"{row['part']:8} {plain(row['source']):20} {documents}, {size}, {row['tokens']:,} tokens")
    stages = RunRecord(work, run_name(work, options.run)).read()["stages"]
    if page := stages["describe"].get("page"):
        print(f"page     {relative(page)}")
    return 0

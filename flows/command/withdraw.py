"""Withdraw documents: leave them out of later builds, list what contains them, and optionally delete their text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flows.command.options import add_work, machine_of

if TYPE_CHECKING:
    from corpora.withdrawal.containment import Made, Place

KINDS = {"Raw": "raw text", "Checkpoint": "model", "Datasheet": "data sheet"}


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("documents", nargs="+", metavar="DOCUMENT", help="ids as shoptalk ledger shows them")
    command.add_argument("--purge", action="store_true", help="also delete their text from the work folder")
    command.add_argument("--exact", action="store_true", help="leave near copies of their text in later builds")
    command.add_argument("--undo", action="store_true", help="take them off the list of withdrawn documents again")
    command.add_argument("--reason", default="", metavar="TEXT", help="recorded in the list of withdrawn documents")
    add_work(command)


def run(options: argparse.Namespace) -> int:
    """Record the removals, list what contains them, and with ``--purge`` delete their text from it.

    Raises ``UserError`` where the work folder is in use, and for ids that are nowhere in it or stand for several
    documents: then nothing is recorded.
    """
    from corpora.ledger.samples import plain
    from corpora.withdrawal.containment import all_made, holders
    from corpora.withdrawal.purge import purge
    from corpora.withdrawal.request import requested
    from corpora.withdrawal.withdraw import Withdrawals, record
    from domain.errors import UserError
    from flows.run.lock import holding

    machine, documents = machine_of(options), options.documents
    if not (machine.work / "artifacts").is_dir():
        raise UserError(str(machine.work), "holds no artifacts", "name the --work folder of the runs")
    with holding(machine.work, shared=machine.shared):
        if options.undo:
            return take_back(machine.work, documents)
        artifacts = all_made(machine.work)
        request = requested(artifacts, documents, Withdrawals.read(machine.work), options.reason)
        refuse_unknown(request.missing, artifacts)
        rows = (
            [row.replace(bands=(), shorter=(), words=None) for row in request.rows] if options.exact else request.rows
        )
        new = record(machine.work, rows)
        print(f"{f'{new:,} recorded' if new else 'Already recorded'} in {machine.work / 'withdrawn.jsonl'}.")
        for name in sorted(request.others):
            print(f"The same text is also stored as {plain(name)}.")
        containers = holders(artifacts, request.named)
        ids = {name for names in request.named.values() for name in names}
        for line in (*containing(containers), *duplicates(containers, ids)):
            print(line)
        if options.purge:
            for line in purge(containers, ids, machine):
                print(line)
            print(
                "Deleted. What lies outside of this folder (sources, the hub's cache, copies) is not touched. From a "
                "source that still has it, it may enter the cache again, and is left out of later builds."
            )
        elif containers:
            print("To delete the text there: the same command with --purge. The next run builds without it.")
    return 0


def take_back(work: Path, documents: list[str]) -> int:
    """Take documents off the list; raises ``UserError`` for those that are not on it."""
    from corpora.ledger.samples import plain
    from corpora.withdrawal.withdraw import Withdrawals, undo
    from domain.errors import UserError

    on_it = {row.id for row in Withdrawals.read(work).rows}
    if lacking := [name for name in documents if name not in on_it]:
        raise UserError(plain(lacking[0]), "was not withdrawn", f"see {work / 'withdrawn.jsonl'}")
    print(f"{len(undo(work, documents)):,} taken off {work / 'withdrawn.jsonl'}; the next run builds with them.")
    return 0


def refuse_unknown(names: list[str], artifacts: list[Made]) -> None:
    """Raise a ``UserError``, or a group of them, for ids that no raw text has."""
    from corpora.ledger.samples import plain
    from corpora.withdrawal.containment import close, inventories
    from domain.errors import UserError

    errors = []
    for name in names:
        likely = ", ".join(close(name, (row["id"] for row in inventories(artifacts))))
        fix = f"did you mean {likely}" if likely else "shoptalk ledger RUN --sample 5 shows some ids"
        errors.append(UserError(plain(name), "is not a document of this work folder", plain(fix)))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("unknown documents", errors)


def containing(containers: list[tuple[Made, dict[str, Place]]]) -> Iterator[str]:
    """A line for each artifact that contains a document; to the training of a model its text was available."""
    from domain.units import relative

    for made, places in containers:
        notes = [f"{len(places):,} documents" if len(places) > 1 else "1 document"]
        if made.kind == "Corpus":
            notes[0] += f": {', '.join(sorted({split for split, _ in places.values() if split}))}"
        if made.kind in ("Checkpoint", "Release"):
            notes[0] += " available to its training"
        notes += ["purged"] if made.purged else []
        yield f"  {KINDS.get(made.kind, made.kind.lower()):10} {relative(str(made.path))} ({', '.join(notes)})"


def duplicates(containers: list[tuple[Made, dict[str, Place]]], ids: set[str]) -> Iterator[str]:
    """A line for each other document that a ledger knows to repeat one of these: later builds leave near copies
    out, too, what stands stays."""
    from corpora.ledger.ledger import LEDGER
    from corpora.ledger.samples import plain
    from corpora.withdrawal.containment import related

    others: dict[str, str] = {}
    for made, _ in containers:
        if made.kind == "Corpus":
            others |= related(made.path / LEDGER, ids)
    if others:
        yield "Near duplicates, which stay where they are; later builds leave them out (unless --exact is given):"
    for name, relation in sorted(others.items()):
        yield f"  {plain(name)} ({relation})"

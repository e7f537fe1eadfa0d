"""Withdraw documents: leave them out of later builds, list what contains them, and optionally delete their text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flows.command.options import add_work, machine_of

if TYPE_CHECKING:
    from corpora.containment import Made, Place

KINDS = {"Raw": "raw text", "Checkpoint": "model", "Datasheet": "data sheet"}


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument("documents", nargs="+", metavar="DOCUMENT", help="ids as shoptalk ledger shows them")
    command.add_argument("--purge", action="store_true", help="also delete their text from the work folder")
    command.add_argument("--reason", default="", metavar="TEXT", help="recorded in the list of withdrawn documents")
    add_work(command)


def run(options: argparse.Namespace) -> int:
    """Record the removals, list what contains them, and with ``--purge`` delete their text from it.

    Raises ``UserError`` where the work folder is in use, and for ids that are nowhere in it: then nothing is recorded.
    """
    from corpora.containment import all_made, holders, same_text, texts_by_id
    from corpora.masked_names import Names
    from corpora.purge import purge
    from corpora.samples import plain
    from corpora.withdraw import Withdrawals, record
    from domain.errors import UserError
    from flows.run.lock import holding

    machine, documents = machine_of(options), options.documents
    if not (machine.work / "artifacts").is_dir():
        raise UserError(str(machine.work), "holds no artifacts", "name the --work folder of the runs")
    with holding(machine.work, shared=machine.shared):
        artifacts = all_made(machine.work)
        texts = texts_by_id(artifacts, set(documents))
        before = Withdrawals.read(machine.work)
        refuse_unknown([name for name in Names(documents).missing(texts) if name not in before.ids], artifacts)
        pairs = [(name, sha256) for name in sorted(texts) for sha256 in sorted(texts[name])]
        rows = [{"id": name, "sha256": sha256, "reason": options.reason} for name, sha256 in pairs]
        new = record(machine.work, rows)
        ids = {*documents, *texts, *same_text(artifacts, {sha256 for _, sha256 in pairs})}
        print(f"{f'{new:,} recorded' if new else 'Already recorded'} in {machine.work / 'withdrawn.jsonl'}.")
        for name in sorted(ids.difference(documents, texts)):
            print(f"The same text is also stored as {plain(name)}.")
        containers = holders(artifacts, ids)
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


def refuse_unknown(names: list[str], artifacts: list[Made]) -> None:
    """Raise a ``UserError``, or a group of them, for ids that no raw text has."""
    from corpora.containment import close, inventories
    from corpora.samples import plain
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
    """A line for each other document that a ledger knows to repeat one of these: it is not withdrawn with them."""
    from corpora.containment import related
    from corpora.ledger import LEDGER
    from corpora.samples import plain

    others: dict[str, str] = {}
    for made, _ in containers:
        if made.kind == "Corpus":
            others |= related(made.path / LEDGER, ids)
    if others:
        yield "Near duplicates, which stay unless they are withdrawn too:"
    for name, relation in sorted(others.items()):
        yield f"  {plain(name)} ({relation})"

"""Withdraws documents: recorded for every later build, told where they stand, and on demand deleted there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from corpora.containment import Made, Place, all_made, close, holders, inventories, known, near, same
from corpora.ledger import LEDGER
from corpora.purge import purge
from corpora.samples import plain
from corpora.withdraw import Withdrawals, record
from domain.errors import UserError
from domain.machine import Machine
from flows.run.lock import holding
from flows.units import relative

NAMES = {"Raw": "raw text", "Checkpoint": "model", "Datasheet": "data sheet"}


def withdraw(documents: Sequence[str], *, reason: str, delete: bool, machine: Machine) -> None:
    """Record the removals, list what contains them, and with ``delete`` delete their text from it.

    Raises ``UserError`` where the work folder is in use, and for ids that are nowhere in it: then nothing is recorded.
    """
    if not (machine.work / "artifacts").is_dir():
        raise UserError(str(machine.work), "holds nothing that was made", "name the --work folder of the runs")
    with holding(machine.work):
        everything = all_made(machine.work)
        texts = known(everything, set(documents))
        before = Withdrawals.read(machine.work)
        refuse_unknown([name for name in documents if name not in texts and name not in before.ids], everything)
        pairs = [(name, sha256) for name in sorted(texts) for sha256 in sorted(texts[name])]
        new = record(machine.work, [{"id": name, "sha256": sha256, "reason": reason} for name, sha256 in pairs])
        ids = {*documents, *same(everything, {sha256 for _, sha256 in pairs})}
        print(f"{f'{new:,} recorded' if new else 'Already recorded'} in {machine.work / 'withdrawn.jsonl'}.")
        for name in sorted(ids.difference(documents)):
            print(f"The same text stands under {plain(name)} too.")
        found = holders(everything, ids)
        for told in (standing(found), repeats(found, ids)):
            for text in told:
                print(text)
        if delete:
            for text in purge(found, ids, machine):
                print(text)
            print(
                "Deleted. What lies outside of this folder (sources, the hub's cache, copies) is not touched. From a "
                "source that still holds it, it may come into the cache again, and is left out of what is built."
            )
        elif found:
            print("To delete the text there: the same command with --purge. The next run builds without it.")


def refuse_unknown(names: list[str], everything: list[Made]) -> None:
    """Raise a ``UserError``, or a group of them, for ids that no raw text has."""
    refusals = []
    for name in names:
        likely = ", ".join(close(name, (row["id"] for row in inventories(everything))))
        fix = f"did you mean {likely}" if likely else "shoptalk ledger RUN --sample 5 shows what ids look like"
        refusals.append(UserError(plain(name), "is no document of this work folder", plain(fix)))
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise ExceptionGroup("unknown documents", refusals)


def standing(found: list[tuple[Made, dict[str, Place]]]) -> Iterator[str]:
    """A line for each artifact that contains a document."""
    for made, places in found:
        splits = ", ".join(sorted({split for split, _ in places.values() if split}))
        count = f"{len(places):,} documents" if len(places) > 1 else "1 document"
        where = f"{count}: {splits}" if made.kind == "Corpus" else count
        gone = ", purged" if made.purged else ""
        yield f"  {NAMES.get(made.kind, made.kind.lower()):10} {relative(str(made.path))} ({where}{gone})"


def repeats(found: list[tuple[Made, dict[str, Place]]], ids: set[str]) -> Iterator[str]:
    """A line for each other document that a ledger knows to repeat one of these: it is not withdrawn with them."""
    others: dict[str, str] = {}
    for made, _ in found:
        if made.kind == "Corpus":
            others |= near(made.path / LEDGER, ids)
    if others:
        print("Near duplicates, which stay unless they are withdrawn too:")
    for name, what in sorted(others.items()):
        yield f"  {plain(name)} ({what})"

"""Tell one document's history: where it came from, what each stage did to it, and what contains it."""

from __future__ import annotations

import argparse
from shlex import quote

from flows.command.options import add_run, add_work, machine_of


def add(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add_run(command)
    command.add_argument("document", help="its id")
    add_work(command)


def run(options: argparse.Namespace) -> int:
    """Print the history in sentences; raises ``UserError`` with close matches for an unknown id."""
    from corpora.ledger.ledger import LEDGER, read_ledger
    from corpora.ledger.samples import plain
    from corpora.ledger.story import story
    from corpora.withdrawal.containment import ORDER, close, holders, made_at
    from domain.errors import UserError
    from domain.units import relative
    from flows.run.lookup import corpus_of

    corpus, labels = corpus_of(machine_of(options).work, options.run)
    ledger, document = corpus / LEDGER, options.document
    rows = list(read_ledger(ledger, id=document))
    if not rows:
        likely = ", ".join(close(document, (row["id"] for row in read_ledger(ledger, columns=("id",)))))
        fix = f"did you mean {likely}" if likely else f"shoptalk ledger {quote(options.run)} --sample 5 shows some ids"
        raise UserError(plain(document), "is not a document of this run", plain(fix))
    for sentence in story(rows, ledger):
        print(plain(sentence))
    artifacts = [made for folder in labels if (made := made_at(folder)) is not None and made.kind in ORDER]
    if containers := holders(artifacts, {document}):
        print("Contained in:")
        for made, places in containers:
            notes = [places[document][0]] if made.kind == "Corpus" else []
            notes += ["was available to its training"] if made.kind in ("Checkpoint", "Release") else []
            notes += ["purged"] if made.purged else []
            suffix = f" ({', '.join(notes)})" if notes else ""
            print(f"  {labels[made.path]:10} {relative(str(made.path))}{suffix}")
    return 0

"""Asks a run's ledger: how many documents went where and why, which ones, and what became of one of them."""

from __future__ import annotations

import json
from collections import Counter
from difflib import get_close_matches
from pathlib import Path

from corpora.containment import ORDER, close, holders, made_at
from corpora.ledger import LEDGER, Row, read_ledger
from corpora.samples import drawn, excerpt, excerpts, plain
from domain.errors import UserError
from flows.command.story import trail
from flows.recipe.recipe import load_recipe
from flows.run.record import Journey
from flows.units import relative

STEPS = ("collect", "language", "quality", "privacy", "harm")  # filters in a recipe's usual order; others follow


def run_of(work: Path, run: str) -> tuple[Path, dict[Path, str]]:
    """The folder of a corpus, and the labels of all folders of its run: of a recipe that was run in ``work``, or of a
    corpus by its folder alone. Raises ``UserError``.
    """
    folder = Path(run)
    if folder.is_dir():
        labels = {raw_of(folder): "collect", folder: "curate"}
    else:
        name = run if Journey(work, run).path.is_file() else load_recipe(run).name
        labels = {Path(stage["path"]): label for label, stage in Journey(work, name).read()["stages"].items()}
        corpora = [path for path, label in labels.items() if label == "curate"]
        if not corpora:
            raise UserError(run, "has no corpus in this work folder yet", f"shoptalk run {run} --until curate")
        folder = corpora[0]
    if not (folder / LEDGER).is_file():
        raise UserError(str(folder), f"holds no {LEDGER}", "name a recipe that was run, or the folder of a corpus")
    return folder, labels


def raw_of(corpus: Path) -> Path:
    """The folder of the raw text that a corpus was made from; it may be gone."""
    made = made_at(corpus)
    identities = made.parents("Raw") if made else []
    return corpus.parent.parent / "collect" / (identities[0][:16] if identities else "gone")


def print_ledger(
    work: Path, run: str, *, reason: str | None, source: str | None, sample: int | None, as_json: bool
) -> None:
    """Without filters a table of stage, action, reason, documents and bytes; else rows, or a sample of them."""
    corpus, _ = run_of(work, run)
    path = corpus / LEDGER
    if reason is None and source is None and sample is None:
        print_counts(path, as_json)
        return
    rows = read_ledger(path, reason=reason, source=source)
    texts: dict[str, str] = {}
    if sample is not None:
        chosen = drawn(rows, sample)
        texts, rows = excerpts(raw_of(corpus), chosen), iter(chosen)
    empty = True
    for row in rows:
        print_row(row, texts.get(row["id"]), sample is not None, as_json)
        empty = False
    if empty and sample != 0:
        refuse_nothing(path, reason, source)


def counts(path: Path) -> list[Row]:
    """{stage, action, reason, documents, bytes} in the order of the stages, the largest reason first."""
    documents, sizes = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    first: dict[str, int] = {}
    for row in read_ledger(path, columns=("stage", "action", "reason", "bytes")):
        key = (row["stage"], row["action"], row["reason"])
        first.setdefault(row["stage"], len(first))
        documents[key] += 1
        sizes[key] += row["bytes"] or 0
    known = {stage: place for place, stage in enumerate(STEPS)}
    last = {stage: place for place, stage in enumerate(("decontaminate", "exact", "near", "passages", "holdout"), 1000)}
    order = {**{stage: 100 + place for stage, place in first.items()}, **known, **last}
    keys = sorted(documents, key=lambda key: (order[key[0]], -documents[key], key))
    return [
        {**dict(zip(("stage", "action", "reason"), key, strict=True)), "documents": documents[key], "bytes": sizes[key]}
        for key in keys
    ]


def print_counts(path: Path, as_json: bool) -> None:
    """The table, or a JSON line for each of its rows."""
    rows = counts(path)
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("stage", "action", "reason", "documents", "bytes"):
        table.add_column(column, justify="right" if column in ("documents", "bytes") else "left")
    for row in rows:
        words = [Text(plain(row[name])) for name in ("stage", "action", "reason")]
        table.add_row(*words, f"{row['documents']:,}", f"{row['bytes']:,}")
    Console(highlight=False, soft_wrap=True).print(table)


def print_row(row: Row, text: str | None, sampled: bool, as_json: bool) -> None:
    """One row: a JSON line, or a line for a person and below it how the text begins. A filter's detail may quote it."""
    row = {**row, "detail": excerpt(row["detail"])}
    if as_json:
        print(json.dumps({**row, "text": text} if sampled else row, ensure_ascii=False))
        return
    told = [plain(text) for text in (row["action"], row["stage"], row["source"], row["id"], said(row))]
    print("{:11} {:13} {}  {}  {}".format(*told).rstrip())
    if sampled:
        print(f"    {text if text is not None else '(its text is not there)'}")


def said(row: Row) -> str:
    """Reason and detail; of a duplicate, whose."""
    detail = f" ({row['detail']})" if row["detail"] else ""
    of = f" of {row['duplicate_of']}" if row["duplicate_of"] else ""
    where = row["split"] if row["action"] == "kept" else ""
    return f"{row['reason'] or where}{of}{detail}"


def refuse_nothing(path: Path, reason: str | None, source: str | None) -> None:
    """Raise a ``UserError`` that says which filter found nothing, and what there is."""
    for name, value in (("source", source), ("reason", reason)):
        if value is None:
            continue
        there = {str(row[name]) for row in read_ledger(path, columns=(name,)) if row[name]}
        if not any(one == value or (name == "reason" and one.startswith(f"{value}:")) for one in there):
            fix = f"name one of: {', '.join(get_close_matches(value, there, 3, 0.4) or sorted(there)[:8]) or 'none'}"
            raise UserError(f"--{name} {plain(value)}", f"no row has this {name}", plain(fix))
    raise UserError(f"--reason {reason} --source {source}", "no row has both", "leave one of them out")


def print_story(work: Path, run: str, document: str) -> None:
    """What became of one document, in sentences; raises ``UserError`` with close matches for an unknown id."""
    corpus, labels = run_of(work, run)
    rows = list(read_ledger(corpus / LEDGER, id=document))
    if not rows:
        names = (row["id"] for row in read_ledger(corpus / LEDGER, columns=("id",)))
        likely = ", ".join(close(document, names))
        fix = f"did you mean {likely}" if likely else f"shoptalk ledger {run} --sample 5 shows what ids look like"
        raise UserError(plain(document), "is no document of this run", plain(fix))
    for sentence in trail(rows, corpus / LEDGER):
        print(plain(sentence))
    everything = [made for folder in labels if (made := made_at(folder)) is not None and made.kind in ORDER]
    if found := holders(everything, {document}):
        print("It stands in:")
    for made, places in found:
        split = f" ({places[document][0]})" if made.kind == "Corpus" else ""
        gone = ", purged" if made.purged else ""
        print(f"  {labels[made.path]:10} {relative(str(made.path))}{split}{gone}")


def print_datasheet(work: Path, run: str, *, as_json: bool) -> None:
    """The data sheet's main numbers and where its page is, or all of it as JSON; raises ``UserError``."""
    _, labels = run_of(work, run)
    folder = next((path for path, label in labels.items() if label == "describe"), None)
    if folder is None or not (folder / "datasheet.json").is_file():
        raise UserError(run, "has no data sheet in this work folder", f"shoptalk run {run} --until describe")
    content = (folder / "datasheet.json").read_text(encoding="utf-8")
    if as_json:
        print(content, end="")
        return
    sheet = json.loads(content)
    for row in [*sheet["sources"], {"part": "all", "source": "", **sheet["total"]}]:
        share = "" if row["retention"] is None else f" ({row['retention']:.1%} of the bytes)"
        kept = f"{row['documents_kept']:,} of {row['documents']:,} documents kept"
        size = f"{row['bytes_kept'] / 1e6:,.2f} of {row['bytes'] / 1e6:,.2f} MB{share}"
        print(f"{row['part']:8} {plain(row['source']):20} {kept}, {size}, {row['tokens']:,} tokens")
    print(f"page     {relative(str(folder / 'datasheet.html'))}")

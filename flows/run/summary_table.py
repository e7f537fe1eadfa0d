"""The result of a run: a table for a terminal of any width, or one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from corpora.curation.losses import sentence
from domain.release.decision import outcome_of
from domain.release.scores import PartScore
from domain.units import relative
from flows.records import RunContent, Stages, Summary, summary
from flows.releases.registry import Recorded
from flows.run.actuals import comparison
from flows.run.record import ended

if TYPE_CHECKING:
    from rich.console import Console

AGAINST = {"against control": "control", "against base": "base"}
RUN_KEYS = ("as_of", "until", "started", "state", "stage", "error", "exit_code", "stages")
UNLIMITED = 200  # columns where the output is no terminal


def as_json(run: RunContent | None, release: Recorded | None) -> dict[str, Any]:
    """The newest release, or else the last run; and how that run ended."""
    as_of, stages = (release.as_of, release.stages) if release else (run["as_of"], run["stages"]) if run else (None, {})
    last = {key: value for key, value in run.items() if key in RUN_KEYS} | {"ended": ended(run)} if run else None
    return {"as_of": as_of, **summary(stages), "run": last}


def print_run(name: str, run: RunContent, release: Recorded | None) -> None:
    """Print a run that just ended; if it released nothing, also the newest earlier release."""
    console = console_of()
    print_result(console, name, f"as of {run['as_of']}", run["stages"])
    if release is not None and "release" not in run["stages"]:
        place = relative(str(release.path))
        console.print(f"newest release (an earlier run's), as of {release.as_of}: {place}", markup=False)


def print_release(name: str, run: RunContent | None, release: Recorded | None) -> None:
    """Print the newest release, or else the last run, and how the last run ended."""
    console = console_of()
    if release is not None:
        print_result(console, name, f"released as of {release.as_of}", release.stages)
    elif run is not None:
        print_result(console, name, f"as of {run['as_of']}", run["stages"])
    if run is not None:
        console.print(f"last run   as of {run['as_of']}: {ended(run)}", markup=False)
        decision = run["stages"].get("decide")
        if release is not None and decision and not decision["facts"]["released"]:
            for reason in decision["facts"]["reasons"]:
                console.print(f"           {reason}", markup=False)


def console_of() -> Console:
    """The terminal without cutting lines; of any width where the output is no terminal."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=UNLIMITED)


def print_result(console: Console, name: str, when: str, stages: Stages) -> None:
    """Corpus, tokenizer, scores, decision, trainings and release, a block each."""
    from rich.markup import escape as markup_escape

    result = summary(stages)
    console.print(f"\n[bold]{markup_escape(name)}[/bold], {when}")
    for line in text_lines(result):
        console.print(line, markup=False)
    if scores := result["scores"]:
        console.print("\nbits per UTF-8 byte on held-out text (lower is better), and the adapted model's change")
        parts = {part: PartScore.from_dict(score) for part, score in scores.items()}
        for line in score_lines(parts, console.width):
            console.print(line, markup=False)
    if decision := result["decision"]:
        console.print(
            f"\n{outcome_of(decision)}", style=f"bold {'green' if decision['released'] else 'red'}", markup=False
        )
        for reason in decision["reasons"]:
            console.print(f"  {reason}", markup=False)
    for line in place_lines(stages):
        console.print(line, markup=False)


def text_lines(result: Summary) -> Iterator[str]:
    """The corpus and the tokenizer."""
    if corpus := result["corpus"]:
        counts = sorted(corpus["dropped"].items(), key=lambda entry: (-entry[1], entry[0]))
        dropped = ", ".join(f"{reason} {count:,}" for reason, count in counts if count)
        megabytes = f"{corpus['bytes_out'] / 1e6:.1f} of {corpus['bytes_in'] / 1e6:.1f} MB"
        yield f"corpus     {corpus['documents_out']:,} of {corpus['documents_in']:,} documents kept, {megabytes}"
        yield f"           dropped: {dropped or 'none'}"
        if earlier := corpus.get("earlier"):
            counts = [f"{earlier[name]:,} {name}" for name in ("remembered", "edited", "gone")]
            again = [f"{part}: nothing new, {count:,} drawn again" for part, count in earlier["drawn"].items()]
            yield f"           since the earlier corpus: {'; '.join([', '.join(counts), *again])}"
        yield from (f"           {sentence(loss)}" for loss in corpus.get("losses", []))
    if tokenizer := result["tokenizer"]:
        ratios = ", ".join(f"{v:.2f} {part}" for part, v in tokenizer["bytes_per_token"].items() if v)
        yield f"tokenizer  {tokenizer['size']:,} pieces; bytes per token: {ratios}"


def score_lines(parts: Mapping[str, PartScore], width: int) -> list[str]:
    """A row for each part; if wider than the terminal, a line for each number, so that no digit is cut."""
    models = list(parts["domain"].bits)
    rows = [["", *models, *AGAINST]]
    for part, score in parts.items():
        changes = (score.changes[model].percent() for model in AGAINST.values())
        rows.append([part, *(f"{score.bits[model]:.3f}" for model in models), *changes])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    table = [
        "  ".join(f"{cell:{'>' if place else '<'}{widths[place]}}" for place, cell in enumerate(row)).rstrip()
        for row in rows
    ]
    if max(map(len, table)) <= width:
        return table
    header = rows[0]
    stacked = []
    for row in rows[1:]:
        stacked.append(row[0])
        stacked += [f"  {header[place]:15} {row[place]}" for place in range(1, len(row))]
    return stacked


def place_lines(stages: Stages) -> Iterator[str]:
    """What each training took, and the paths of pages and release."""
    for label, stage in sorted(stages.items(), key=lambda entry: entry[1]["number"]):
        if "learned" in stage:
            yield f"{label:10} {comparison(stage['learned'])}"
    for label, title in (("describe", "data sheet"), ("decide", "scorecard")):
        if label in stages and "page" in stages[label]:
            yield f"{title:10} {relative(stages[label]['page'])}"
    if "release" in stages:
        place = relative(stages["release"]["path"])
        yield f"release    {place}"
        yield f"try it     shoptalk generate {quote(place)} {quote(stages['release']['facts']['prompt'])}"
    elif stages:
        last = max(stages, key=lambda label: int(stages[label]["number"]))
        yield f"{last:10} {relative(stages[last]['path'])}"

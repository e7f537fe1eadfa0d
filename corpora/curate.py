"""Raw -> Corpus: filter, decontaminate, deduplicate, split and write, in two passes over the text."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

from corpora.curation.decide import decide
from corpora.curation.losses import lines, losses, refuse_losses
from corpora.decontamination.decontaminate import Decontamination, guard
from corpora.decontamination.overlap import Overlap
from corpora.decontamination.overlap_table import OVERLAP_FOLDER, hash_test_text, overlap_facts
from corpora.dedup import AnyDedup, Passages
from corpora.dedup.candidates import candidates_of
from corpora.dedup.index import Index
from corpora.filters import Filters
from corpora.filters.filter import Filter
from corpora.filters.masked_names import masked_names
from corpora.filters.privacy import Privacy
from corpora.heldout.entries import obeyed
from corpora.heldout.history import History
from corpora.heldout.holdout import Holdout
from corpora.ledger.ledger import LEDGER, counted, entry, join_ledgers, read_ledger, write_ledger
from corpora.ledger.query import open_ledger
from domain.artifacts import Artifact, Corpus, Protected, Raw
from domain.errors import UserError
from domain.jsonlines import read_lines
from domain.machine import Machine
from domain.manifest import SCRATCH, Damaged, verify, write_json
from domain.spec import Share, Spec, fingerprint, from_recipe
from domain.stage import stage

logger = logging.getLogger(__name__)

VERSION = 9
CACHE_FORMAT = 8  # of the cached results of a filtered shard
DEATHS = 100  # over a shard, until a run is given up: finding a document that kills takes four, a further one three
LAST_CORPUS = "last"  # as `earlier`: the recipe's last corpus of an earlier day, which `shoptalk run` finds
UNUSED_SECONDS = 30 * 86_400.0  # seconds after which a filtered shard that no run has used is removed from the cache


def folder_or_last(path: str, info: ValidationInfo) -> str:
    """The word `last`, or the path of a folder as a recipe means it."""
    return path if path == LAST_CORPUS else from_recipe(path, info)


Earlier = Annotated[str, Field(min_length=1), AfterValidator(folder_or_last)]


class Curation(Spec):
    """How Raw is cleaned and split. Filters run in the order in which they are listed."""

    filters: Filters = "documents"  # type: ignore[assignment]
    decontaminate: Decontamination = Decontamination()
    dedup: Annotated[tuple[AnyDedup, ...], Field(description="exact, near, passages")] = ("exact", "near")  # type: ignore[assignment]
    holdout: Holdout = Holdout()
    test_overlap: Overlap = Overlap()
    max_unreadable: Annotated[Share, Field(description="share of documents on which a filter may fail")] = 0.001
    max_filtered: Annotated[Share, Field(description="share of a source that one filter may take")] = 1.0
    source_filters: Annotated[dict[str, Filters], Field(description="by source; taken from the sources' filters")] = {}  # noqa: RUF012
    keep_near: Annotated[tuple[str, ...], Field(description="sources with near: false; taken from the sources")] = ()
    earlier: Annotated[
        Earlier | None,
        Field(description="folder of an earlier corpus, whose texts and near duplicates are left out; or `last`"),
    ] = None

    def identity_key(self) -> dict[str, Any]:
        """The settings, with the content of what they name by a path."""
        settings = self.model_dump(mode="json")
        return {
            **settings,
            "filters": [each.identity_key() for each in self.filters],
            "source_filters": {
                source: [each.identity_key() for each in filters] for source, filters in self.source_filters.items()
            },
            "holdout": self.holdout.shares(),
            "earlier": self.remembered_identity(),
        }

    def remembered_identity(self, *, whole: bool = False) -> str | None:
        """The digest of the earlier corpus; raises ``UserError`` where there is none, with ``whole`` also for a damaged
        one.

        One whose text was purged since is remembered all the same: its index holds no text.
        """
        if self.earlier is None:
            return None
        folder = Path(self.earlier)
        purged = folder / "purged.json"
        try:
            if purged.exists():
                return str(json.loads(purged.read_bytes())["digest"])
            return (Corpus.open(folder) if whole else Corpus.load(folder)).digest
        except (Damaged, OSError, ValueError, KeyError) as error:
            raise UserError("corpus.earlier", str(error), "name the folder of a finished corpus") from None

    def every_filter(self) -> list[Filter]:
        """The recipe's filters, and those of its sources."""
        return [*self.filters, *chain.from_iterable(self.source_filters.values())]

    def passages(self) -> Passages | None:
        """The step that cuts repeated paragraphs, if the recipe has it."""
        return next((step for step in self.dedup if isinstance(step, Passages)), None)


def entry_name(spec: Curation, parents: Mapping[str, Artifact]) -> str:
    """What a corpus is called in the record of held-out text: by all that is asked, without what is recorded there."""
    return fingerprint([VERSION, spec.identity_key(), {name: parent.identity for name, parent in parents.items()}])[:32]


def history_of(spec: Curation, parents: Mapping[str, Artifact], machine: Machine) -> list[str]:
    """The digests of what the work folder holds out and this corpus obeys; they are part of its identity."""
    return [entry.digest for entry in obeyed(machine.work, entry_name(spec, parents))]


@stage("curate", makes=Corpus, version=VERSION, history=history_of)
def curate(spec: Curation, raw: Raw, protected: Protected, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Raw -> Corpus. facts: the counts of ``ledger.counted``, and how decontamination went, by task.

    Raises ``UserError`` where filters fail too often, a source asks what the evals ask, or nothing of a part
    is left to train on; ``RuntimeError`` where counts do not add up.
    """
    from corpora.curation.write_pass import WriteSplits
    from corpora.dedup.bucket_pass import find_buckets
    from corpora.workers.executor import execute

    scratch = out / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    for name in ("ledger", "kept"):
        (scratch / name).mkdir(parents=True)
    shards = [
        str(path) for part in ("domain", "general") for path in sorted((raw.path / "documents").glob(f"{part}-*"))
    ]
    texts = protected.path / "texts.jsonl"
    spec.remembered_identity(whole=True)
    filtered = filter_shards(spec, raw, protected, shards, scratch, machine)
    candidates = candidates_of(shards, filtered, scratch / "columns")
    find_buckets(candidates.folder, candidates.signatures, machine, scratch / "logs" / "buckets")
    fresh = scratch / "segments"
    index = Index.open(Path(spec.earlier) / "index", fresh) if spec.earlier else Index(fresh)
    name = entry_name(spec, {"raw": raw, "protected": protected})
    entries = obeyed(machine.work, name)
    history = History.of(entries, spec.holdout, candidates, shards, scratch, machine)
    protection = guard(texts, spec.decontaminate)
    decisions = decide(candidates, spec.dedup, spec.holdout, protection, index, history, spec.keep_near)
    decisions.write(scratch, candidates, index)
    index.save(out / "index")
    tests = decisions.test_documents(candidates)
    hash_test_text(spec.test_overlap, candidates.rows_left(tests), filtered, scratch, machine)
    step = WriteSplits(
        shards, filtered, spec.decontaminate, spec.passages(), spec.test_overlap, str(texts), str(scratch), str(out)
    )
    execute([step], tasks=len(shards), what="curate: write", logs=scratch / "logs" / "write", machine=machine)

    private = any(isinstance(each, Privacy) for each in spec.every_filter())
    write_ledger(scratch / "left_out.parquet", left_out(raw, masked=private))
    join_ledgers(out / LEDGER, [scratch / "left_out.parquet", *sorted((scratch / "ledger").iterdir())])
    counted_rows = chain.from_iterable(read_lines(path) for path in sorted((scratch / "kept").iterdir()))
    with open_ledger(out / LEDGER, scratch) as ledger:
        fates = ledger.counts("part", "source", "stage", "action", "reason")
        counts = counted(read_lines(raw.path / "inventory.jsonl"), fates, counted_rows)
        lost = losses(ledger, {each.kind for each in spec.every_filter()})
        for loss in lost:
            logger.warning("\n".join(lines(loss, ledger, raw.path)))
        refuse_losses(lost, spec.max_filtered, ledger, raw.path)
    if earlier := decisions.facts.get("earlier"):
        counts["earlier"] = earlier
        for part, number in earlier["drawn"].items():
            logger.info("curate: %s has no new text to train on; %s documents are drawn again", part, f"{number:,}")
    write_json(out / "counts.json", counts)
    refuse_broken(counts, spec.max_unreadable, out / LEDGER)
    refuse_empty(counts, shards)
    names, sources = [Path(shard).name for shard in shards], candidates.sources_of(tests)
    overlap = overlap_facts(
        scratch / OVERLAP_FOLDER, names, sources, candidates.ids_of(tests), out / "test_overlap.jsonl"
    )
    # Last, so that what was never a corpus holds nothing out.
    history.record(machine.work, name, spec.holdout, candidates, decisions.outcomes, shards, scratch, machine)
    return {**counts, **decisions.facts, "test_overlap": {"words": spec.test_overlap.words, **overlap}, "losses": lost}


def filter_shards(
    spec: Curation, raw: Raw, protected: Protected, shards: list[str], scratch: Path, machine: Machine
) -> list[str]:
    """Filter every shard; returns the folders with the results, in the order of shards.

    A filtered shard is cached beside the artifacts under a key of the shard's bytes and of all settings that filter
    it, and sealed as artifacts are. So a killed run resumes where it was, and next week's run filters only what is new.
    """
    from corpora.curation.filter_pass import FilterShards, ReadShard
    from corpora.workers.executor import execute

    settings = spec.replace(
        dedup=[p] if (p := spec.passages()) else [], holdout=Holdout(), max_unreadable=0, max_filtered=1.0,
        keep_near=(), earlier=None, test_overlap=Overlap(),
    )  # fmt: skip
    request = [VERSION, CACHE_FORMAT, settings.identity_key(), protected.digest]
    cache = machine.cache / "curate"
    folders = []
    for shard in shards:
        content = raw.manifest["files"][f"documents/{Path(shard).name}"]["sha256"]
        folders.append(str((cache / fingerprint([request, content])[:32]).resolve()))
    shard_of = dict(zip(folders, shards, strict=True))
    todo = {folder: shard for folder, shard in shard_of.items() if not is_whole(Path(folder))}
    if damaged := sum(1 for folder in todo if Path(folder).exists()):
        logger.warning("%d filtered shards in %s are damaged, and are filtered anew", damaged, cache)
    if todo:
        cache.mkdir(parents=True, exist_ok=True)
        texts = str(protected.path / "texts.jsonl")
        step = FilterShards(spec.filters, spec.source_filters, spec.decontaminate, spec.passages(), texts, list(todo))
        logs = scratch / "logs" / fingerprint([request, sorted(todo)])[:16]
        pipeline = [ReadShard(list(todo.values())), step]
        execute(pipeline, tasks=len(todo), what="curate: filter", logs=logs, machine=machine, deaths=DEATHS)
    for folder in folders:
        os.utime(folder)
    for path in cache.iterdir():
        if path.stat().st_mtime < time.time() - UNUSED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
    return folders


def is_whole(folder: Path) -> bool:
    """Whether a filtered shard is there as it was sealed."""
    try:
        verify(folder)
    except Damaged:
        return False
    return True


def left_out(raw: Raw, *, masked: bool) -> Iterator[dict[str, Any]]:
    """The ledger's rows of collecting: what gave no document, and whose licence was overridden."""
    for row in read_lines(raw.path / "quarantine.jsonl"):
        name = masked_names([row["record"]])[0] if masked else row["record"]
        document = {"id": name, "part": row["part"], "source": row["source"]}
        yield entry(document, stage="collect", action=row["action"], reason=row["reason"], detail=row.get("detail", ""))


def refuse_broken(counts: dict[str, Any], share: float, ledger: Path) -> None:
    """Raise a ``UserError`` where filters failed on more than ``share`` of all documents, with the first of them."""
    errors = counts["quarantined"]
    if errors > share * counts["documents_in"]:
        row = next(row for row in read_ledger(ledger, action="quarantined") if row["stage"] != "collect")
        problem = f"{row['stage']} failed on {errors:,} of {counts['documents_in']:,} documents"
        first = f"the first is {row['id']}: {row['detail']}".splitlines()[0]
        raise UserError(
            "corpus.filters", f"{problem}; {first}", f"fix the filter, or raise corpus.max_unreadable above {share:g}"
        )


def refuse_empty(counts: dict[str, Any], shards: list[str]) -> None:
    """Raise a ``UserError`` where a part has no text left to train on."""
    for part in sorted({Path(shard).name.partition("-")[0] for shard in shards}):
        if not counts["splits"].get("train", {}).get(part):
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts["dropped"].items()) or "none"
            problem = f"no document is left to train on after curation (dropped: {reasons})"
            raise UserError(f"corpus.{part}", problem, "loosen corpus.filters, lower corpus.holdout, or give more text")

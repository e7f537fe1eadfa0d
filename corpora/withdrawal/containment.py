"""Which raw texts, corpora, tokens, models and releases of a work folder contain a document."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from corpora.filters.masked_names import Names
from corpora.ledger.ledger import LEDGER, read_ledger
from corpora.withdrawal.purge_ledger import COLUMNS_READ, quotes
from domain.artifacts import refuse_incomplete
from domain.jsonfile import JSONFileError, read_json
from domain.jsonlines import read_lines
from domain.manifest import MANIFEST, MANIFEST_BYTES, Damaged
from domain.tokens.shards import SPLITS

PURGED = "purged.json"  # the manifest of a folder from which text was deleted: it no longer counts as finished
ORDER = ("Raw", "Corpus", "Tokenizer", "Tokens", "Datasheet", "Checkpoint", "Release")
Place = tuple[str, str]  # split, part


@dataclass(frozen=True, kw_only=True)
class Made:
    """A folder of the work folder that a stage made, by its manifest; its bytes are not verified."""

    path: Path
    manifest: dict[str, Any]
    purged: bool

    @property
    def kind(self) -> str:
        """The kind of artifact."""
        return str(self.manifest["kind"])

    def parents(self, kind: str) -> list[str]:
        """The identities of the parents of a kind."""
        return [parent["identity"] for parent in self.manifest["parents"].values() if parent["kind"] == kind]


def made_at(path: Path) -> Made | None:
    """What was made in a folder; None where it never was finished."""
    for name in (PURGED, MANIFEST):
        try:
            manifest = read_json(path / name, MANIFEST_BYTES)
            refuse_incomplete(path, manifest)
        except (OSError, JSONFileError, Damaged):
            continue
        return Made(path=path, manifest=manifest, purged=name == PURGED)
    return None


def all_made(work: Path) -> list[Made]:
    """Everything in a work folder that may contain documents."""
    artifacts = [made for path in sorted((work / "artifacts").glob("*/*")) if (made := made_at(path)) is not None]
    return [made for made in artifacts if made.kind in ORDER]


def inventories(everything: Iterable[Made]) -> Iterator[dict[str, Any]]:
    """Every line of every inventory."""
    for made in everything:
        if made.kind == "Raw":
            yield from read_lines(made.path / "inventory.jsonl")


def holders(
    everything: Iterable[Made], ids: Collection[str] | Mapping[Path, Collection[str]]
) -> list[tuple[Made, dict[str, Place]]]:
    """What contains any of the documents, and for each of them the split and part in which it stands there.

    In the order in which a document travels. ``ids`` may be by the folder of the raw text, since an id that says where
    a document stood may be another's in another one.
    """
    everything = list(everything)
    ordered = sorted(everything, key=lambda made: ORDER.index(made.kind))
    by_identity: dict[str, list[Made]] = {}
    for made in ordered:  # what was damaged and made anew has the same identity, and another folder
        by_identity.setdefault(made.manifest["identity"], []).append(made)

    @cache
    def places_of(identity: str) -> dict[str, Place]:
        return {n: at for made in by_identity.get(identity, ()) for n, at in contained(made, names, places_of).items()}

    def names(made: Made) -> Collection[str]:
        """The ids that are meant in an artifact."""
        if not isinstance(ids, Mapping):
            return ids
        if made.kind == "Raw":
            return ids.get(made.path, ())
        parents = [parent for identity in made.parents("Raw") for parent in by_identity.get(identity, ())]
        return {name for parent in parents for name in ids.get(parent.path, ())}

    return [(made, places) for made in ordered if (places := contained(made, names, places_of))]


def contained(
    made: Made, names_in: Callable[[Made], Collection[str]], places_in: Callable[[str], dict[str, Place]]
) -> dict[str, Place]:
    """The documents in one artifact; ``places_in`` answers for the identity of what it was made from."""

    def inherited(kind: str) -> dict[str, Place]:
        return {name: at for parent in made.parents(kind) for name, at in places_in(parent).items()}

    match made.kind:
        case "Raw":
            rows = read_lines(made.path / "inventory.jsonl")
            names = Names(names_in(made))
            return {row["id"]: ("", row["part"]) for row in rows if row["id"] in names}
        case "Corpus":
            if not (made.path / LEDGER).exists():
                return {}
            ids = Names(names_in(made)).both()
            ledger = read_ledger(made.path / LEDGER, id=ids, columns=COLUMNS_READ)
            holding = (row for row in ledger if row["action"] == "kept" or quotes(row))
            return {row["id"]: (row["split"] or "", row["part"]) for row in holding}
        case "Tokenizer":
            unchanged = (made.manifest["spec"] or {}).get("mode") == "keep"  # the base's own; it has read nothing here
            return {} if unchanged else {name: at for name, at in inherited("Corpus").items() if at[0] == "train"}
        case "Tokens":
            return {name: at for name, at in inherited("Corpus").items() if at[0] in SPLITS}
        case "Datasheet":
            return inherited("Raw")
        case "Checkpoint":
            read = parts_read(made.manifest["spec"] or {})
            own = {name: at for name, at in inherited("Tokens").items() if at[0] == "train" and at[1] in read}
            return inherited("Checkpoint") | own
        case _:
            return inherited("Checkpoint")


def parts_read(spec: dict[str, Any]) -> set[str]:
    """The parts of the tokens that a model was trained on: its mixture's, or general text for a base from scratch."""
    if "mixture" in spec:
        return {part for part, share in spec["mixture"].items() if share}
    return {"general"} if spec.get("scratch") is not None else set()


def related(ledger: Path, ids: Collection[str]) -> dict[str, str]:
    """Other documents that a ledger knows to repeat these, with what they are: duplicates, or of the same cluster."""
    matches: dict[str, str] = {}
    ids = Names(ids).both()
    columns = ("id", "action", "reason", "duplicate_of", "cluster")
    clusters = set()
    for row in read_ledger(ledger, id=ids, columns=columns):
        if row["duplicate_of"]:
            matches[row["duplicate_of"]] = f"{row['reason']}, kept in its stead"
        if row["cluster"]:
            clusters.add(row["cluster"])
    for row in read_ledger(ledger, duplicate_of=ids, columns=columns):
        matches[row["id"]] = f"{row['reason']}, dropped in its favour"
    for row in read_ledger(ledger, cluster=clusters, columns=columns):
        matches.setdefault(row["id"], "of the same cluster")
    return {name: what for name, what in sorted(matches.items()) if name not in ids}


def close(name: str, ids: Iterable[str]) -> list[str]:
    """At most three ids that somebody who typed ``name`` may have meant."""

    def likeness(one: str) -> tuple[bool, int]:
        """Cheap enough for every id of a large corpus; only the best are compared letter by letter."""
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(name, one, strict=False))
        return name in one or one in name, sum(1 for _ in alike)

    return get_close_matches(name, dict.fromkeys(heapq.nlargest(500, ids, key=likeness)), 3)

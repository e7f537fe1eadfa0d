"""Deletes the text of documents from everything in a work folder, and marks what was changed or trained on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from corpora.feed.entries import sealed
from corpora.filters.masked_names import Names
from corpora.withdrawal.containment import PURGED, Made, Place, made_at
from corpora.withdrawal.many_strings import ManyStrings, RowsById
from corpora.withdrawal.purge_caches import LOG, holding, known_by
from corpora.withdrawal.purge_ledger import blank_details
from corpora.withdrawal.purge_records import from_records
from domain.artifacts import PARTS
from domain.errors import UserError
from domain.jsonfile import read_json
from domain.jsonlines import line, parse_line
from domain.machine import Machine
from domain.manifest import MANIFEST, write_json
from domain.tokens.shards import SPLITS, Shard, Shards, beside

TEXT_STAGES = ("collect", "curate", "tokenizer", "encode", "describe")  # whose unfinished work holds text
STAYS = ("Tokenizer", "Checkpoint", "Release")  # what it has learnt cannot be taken out of it: marked, not changed


def purge(holders: list[tuple[Made, dict[str, Place]]], ids: Collection[str], machine: Machine) -> Iterator[str]:
    """Delete, and say what was done, a line each.

    Whatever the moment of a kill, the same call finishes it: every step finds again what it has to do, and what says
    where a text stands is changed after all that is found by it (tokens before corpora, these before raw text).
    """
    ids = Names(ids).both()
    yield from unfinished(machine.work)
    for folder in ("reports", "mlartifacts"):  # a tracked run has a copy
        for page in sorted((machine.work / folder).rglob("datasheet.html")):  # it quotes documents
            page.unlink()
            yield f"{page}: removed; the next run writes it again"
    urls, passages = known_by([made.path for made, _ in holders if made.kind == "Raw"], ids)
    yield from from_caches(machine.cache, ids, urls, passages)
    yield from from_records(machine.work, ManyStrings(passages))
    tokens = [(made, places) for made, places in holders if made.kind == "Tokens"]
    others = [(made, places) for made, places in holders if made.kind != "Tokens"]
    for made, places in reversed(others):
        if made.kind in STAYS:
            beside_it = made.path.with_name(f"{made.path.name}.{PURGED}")
            write_json(beside_it, {"has_read": sorted({*places, *noted(beside_it, "has_read")})})
            yield f"{made.path}: stays, and is marked as having read it ({beside_it.name})"
            continue
        invalidate(made, places)
        own = Names(places).both()  # an id may be another document's in another raw text
        if made.kind == "Datasheet":
            (made.path / "datasheet.json").unlink(missing_ok=True)
        elif made.kind == "Corpus":
            for encoded, stand in tokens:
                if made.manifest["identity"] in encoded.parents("Corpus"):
                    invalidate(encoded, stand)
                    erase_tokens(encoded.path, Names(stand).both())
                    yield f"{encoded.path}: its tokens overwritten"
            blank_details(made.path, own)
        for path in sorted(made.path.rglob("*.jsonl")):
            blank(path, own)
        yield f"{made.path}: its text deleted"


def invalidate(made: Made, places: Collection[str]) -> None:
    """``manifest.json`` becomes ``purged.json``, with the ids: the folder is no finished artifact any more."""
    path = made.path / PURGED
    write_json(path, {**made.manifest, "purged": sorted({*places, *noted(path, "purged")})})
    (made.path / MANIFEST).unlink(missing_ok=True)


def noted(path: Path, key: str) -> list[str]:
    """What an earlier purge noted in a file."""
    try:
        return [str(name) for name in read_json(path)[key]] if path.exists() else []
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(str(path), f"is not a note of a purge ({error})", "remove it, then purge again") from None


def blank(path: Path, ids: Collection[str]) -> None:
    """Leave an empty text in the lines of these documents.

    The line stays, since tokens lie in the order of lines: another purge must still find its place.
    """
    rows = RowsById(ids)

    def emptied(text: bytes) -> bytes:
        """A line is parsed only where it names one of the documents."""
        if b'"text":' not in text or not rows.may_be(text):
            return text
        row = parse_line(text)
        return line({**row, "text": ""}) if row.get("id") in ids and row.get("text") else text

    rewrite(path, emptied)


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> bool:
    """Change the lines of a file; it is replaced whole or not at all. Whether any line changed."""
    with path.open("rb") as lines:
        if all(change(text) == text for text in lines):
            return False
    aside = path.with_name(f".{path.name}.purge")
    with path.open("rb") as lines, aside.open("wb") as out:
        out.writelines(map(change, lines))
        out.flush()
        os.fsync(out.fileno())
    os.replace(aside, path)
    return True


def erase_tokens(tokens: Path, ids: Collection[str]) -> None:
    """Overwrite the documents' tokens with zeros, in place: offsets stay true, and doing it twice does no harm."""
    for split in SPLITS:
        for part in PARTS:
            for shard in Shards(tokens / split, part).shards:
                places = [index for index, name in enumerate(shard.names()) if name in ids]
                if places:
                    overwrite(shard, places)
            for path in (tokens / split).glob(f"{part}.*"):  # written by version 1, which kept no ids
                path.unlink()


def overwrite(shard: Shard, places: list[int]) -> None:
    """Zeros for the tokens of these documents of a shard."""
    width = shard.type.itemsize
    with beside(shard.stem, ".bin").open("r+b") as file:
        for index in places:
            begin, end = (int(place) * width for place in shard.offsets[index : index + 2])
            file.seek(begin)
            file.write(bytes(end - begin))
        file.flush()
        os.fsync(file.fileno())


def unfinished(work: Path) -> Iterator[str]:
    """Remove what the stages that hold text left unfinished, or what was damaged since: nobody can tell whose it is."""
    for stage in TEXT_STAGES:
        damaged = [path for path in (work / "artifacts" / stage).glob("*") if made_at(path) is None]
        for path in sorted([*(work / "building").glob(f"{stage}-*"), *damaged]):
            if path.is_dir() and path.name != "requests":
                shutil.rmtree(path)
                yield f"{path}: removed; it was unfinished"


def from_caches(cache: Path, ids: Collection[str], urls: Collection[str], passages: Collection[bytes]) -> Iterator[str]:
    """Remove what sources keep and what was judged before; it is fetched or made anew where it is needed."""
    for path in list(holding(cache, ids, urls, passages)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        yield f"{path}: removed"

    def unsaid(text: bytes) -> bytes:
        """An entry of a feed, without what it says."""
        try:
            entry = parse_line(text)
        except ValueError:  # cut short by a kill: the feed is asked for it again
            return b""
        ours = not {entry["url"], entry["link"]}.isdisjoint({*ids, *urls})
        entry.pop("sha256", None)
        return sealed({**entry, "html": ""}) if ours and entry["html"] else text

    for path in sorted((cache / "feed").glob(f"*/{LOG}")):
        if rewrite(path, unsaid):
            yield f"{path}: its text deleted"

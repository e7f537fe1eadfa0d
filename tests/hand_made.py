"""A work folder whose every number is known, from raw text to a release, without a run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MAIL = "ask jane.roe@example.org for the minutes of the call"
WITH_MARKUP = "<script>alert('id')</script>"


@pytest.fixture(scope="session")
def hand_made() -> Callable[[Path], dict[str, Any]]:
    """``hand_made(work)``: a work folder whose every number is known, with raw text, corpus, tokens, models, release.

    calls (domain): a, c, e kept in train, train, validation; b too short; d a near duplicate of a; one with markup in
    its id, dropped by a filter of a team's own. web <b> (general): g1 kept in train; g2 equal to a; g3 harmful; g4
    killed a filter. Before that, two records gave no document.
    """
    import numpy as np

    from corpora.ledger.ledger import entry, write_ledger
    from domain import artifacts as kinds
    from domain.jsonlines import write_lines
    from domain.manifest import seal
    from domain.tokens.shards import ShardWriter

    texts = {
        "a": "a" * 100, "b": MAIL, "c": "write to <EMAIL> " + "c" * 82, "d": "d" * 90, "e": "e" * 50,
        WITH_MARKUP: "<script>alert('text')</script> she said",
        "g1": "g" * 200, "g2": "a" * 100, "g3": "h" * 40, "g4": "k" * 10,
    }  # fmt: skip

    def make(work: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}

        def sealed(stage: str, kind: str, spec: Any, facts: dict[str, Any], *parents: Any) -> None:
            folder = work / "artifacts" / stage / stage.ljust(16, "0")
            named = {
                type(p).__name__.lower(): {"kind": type(p).__name__, "identity": p.identity, "digest": p.digest}
                for p in parents
            }
            said = {"stage": stage, "version": 1, "kind": kind, "spec": spec, "parents": named, "facts": facts}
            seal(folder, identity=stage.ljust(64, "0"), **said)
            made[stage] = getattr(kinds, kind).open(folder)

        def at(stage: str) -> Path:
            folder = work / "artifacts" / stage / stage.ljust(16, "0")
            folder.mkdir(parents=True)
            return folder

        def document(name: str) -> dict[str, Any]:
            general = name.startswith("g")
            source, licence = ("web <b>", "odc-by") if general else ("calls", "MIT" if name == "d" else "mit")
            dated = {"a": "2023-05-01", "d": "2024-01-01", "e": "2024-02-01"}.get(name)
            known = {"id": name, "source": source, "url": f"https://example.org/{name}", "licence": licence}
            return {**known, "date": dated, "language": "en" if general else None, "text": texts[name]}

        def known(name: str) -> dict[str, Any]:
            part = "general" if name.startswith("g") else "domain"
            size = {"bytes": len(texts[name].encode()), "part": part, "shard": f"{part}-00000.jsonl"}
            return {**document(name), **size}

        raw = at("collect")
        (raw / "documents").mkdir()
        for part in ("domain", "general"):
            names = [name for name in texts if known(name)["part"] == part]
            write_lines(raw / "documents" / f"{part}-00000.jsonl", map(document, names))
        listed = ({"id": n, "part": known(n)["part"], "source": known(n)["source"], "bytes": known(n)["bytes"],
                   "sha256": hashlib.sha256(texts[n].encode()).hexdigest()} for n in texts)  # fmt: skip
        write_lines(raw / "inventory.jsonl", listed)
        stated = {"undated": 1, "first_undated": "b: 'soon <i>'"}, {"undated": 0, "first_undated": ""}
        by = {"record": 5, "recipe": 1, "overridden": 1}, {"data set": 4}
        write_lines(raw / "sources.jsonl", (
            {"part": part, "source": source, "licences_stated_by": who, **dates}
            for part, source, who, dates in zip(("domain", "general"), ("calls", "web <b>"), by, stated, strict=True)
        ))  # fmt: skip
        sealed("collect", "Raw", None, {})

        def lost(record: str, action: str, reason: str) -> dict[str, Any]:
            return entry(
                {"id": record, "part": "domain", "source": "calls"}, stage="collect", action=action, reason=reason
            )

        def went(name: str, stage: str, action: str, reason: str, detail: str = "", of: str | None = None) -> Any:
            return entry(known(name), stage=stage, action=action, reason=reason, detail=detail, duplicate_of=of)

        def kept(name: str, split: str, size: int) -> dict[str, Any]:
            return entry(known(name), stage="holdout", action="kept", split=split, bytes_kept=size, cluster=name)

        write_ledger(at("curate") / "ledger.parquet", [
            lost("calls.jsonl:3", "quarantined", "is not valid JSON"), lost("w", "dropped", "no text"),
            kept("a", "train", 100), went("b", "quality", "dropped", "quality: too few words", "9"),
            went("c", "privacy", "changed", "privacy: masked", "email 1"), kept("c", "train", 90),
            went("d", "near", "dropped", "near duplicate", "", "a"), kept("e", "validation", 50),
            went(WITH_MARKUP, "house:tags", "dropped", "<img src=x onerror=alert(1)>", "<b>said</b> by jr@example.org"),
            kept("g1", "train", 200), went("g2", "exact", "dropped", "exact duplicate", "", "a"),
            went("g3", "harm", "dropped", "harm: slurs", "0.91"), went("g4", "harm", "quarantined", "error", "it died"),
        ])  # fmt: skip
        for split, part, names in (
            ("train", "domain", "a c"),
            ("train", "general", "g1"),
            ("validation", "domain", "e"),
        ):
            folder = work / "artifacts" / "curate" / "curate".ljust(16, "0") / split
            folder.mkdir(exist_ok=True)
            write_lines(folder / f"{part}-00000.jsonl", ({**document(n), "cluster": n} for n in names.split()))
        overlap = {"part": "domain", "source": "calls", "documents": 54, "ngrams": 9_007, "came": 1_203, "came_half": 4}
        overlap |= {"stays": 811, "stays_half": 2}
        largest = [{"item": "quiz <i> 7", "documents": 94, "passage": "for purposes of <b>section 18</b>"}]
        spared = {"runs": 1, "items": 1, "documents": 94, "largest": largest}
        tasks = {"quiz <i>": {"items": 5, "too_short": 1, "found": 0, "documents": 0}}
        filters = {"filters": [{"kind": "quality"}, {"kind": "privacy"}, {"kind": "harm"}]}
        sealed(
            "curate",
            "Corpus",
            filters,
            {"tasks": tasks, "test_overlap": {"test": [overlap], "train": []}, "let_be": spared},
            made["collect"],
        )

        (at("tokenizer") / "tokenizer.json").write_text("{}")
        sealed("tokenizer", "Tokenizer", {}, {}, made["curate"])
        lengths = {("train", "domain"): [4, 5], ("train", "general"): [6], ("validation", "domain"): [3]}
        names = {("train", "domain"): "ac", ("train", "general"): ["g1"], ("validation", "domain"): "e"}
        tokens = at("encode")
        for split in ("train", "validation"):
            for part in ("domain", "general"):
                with ShardWriter(tokens / split / f"{part}-00000", vocabulary=300) as writer:
                    for name, length in zip(names.get((split, part), ""), lengths.get((split, part), []), strict=True):
                        writer.add(np.full(length, 7), 1, source=known(name)["source"], name=name)
        sealed("encode", "Tokens", {}, {}, made["curate"], made["tokenizer"])

        for stage, spec, parents in (
            ("base", {"scratch": {}}, ("encode", "tokenizer")),
            ("pretrain", {"mixture": {"domain": 0.7, "general": 0.3}}, ("base", "encode")),
            ("control", {"mixture": {"domain": 0.0, "general": 1.0}}, ("base", "encode")),
        ):
            (at(stage) / "weights").write_text(stage)
            sealed(stage, "Checkpoint", spec, {}, *(made[name] for name in parents))
        (at("release") / "weights").write_text("pretrain")
        sealed("release", "Release", {}, {}, made["pretrain"], made["curate"])
        return made

    return make

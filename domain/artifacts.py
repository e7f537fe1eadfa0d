"""The kinds of artifact: finished folders, each with its manifest and a way to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from domain.jsonlines import read_lines
from domain.manifest import MANIFEST, Damaged, read_manifest, verify

PARTS = ("domain", "general")  # of a corpus: what is to be learned, and what is replayed


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A finished folder. ``identity`` is what was asked, ``digest`` what came out (SHA-256, hex)."""

    path: Path
    manifest: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a finished artifact, verifying every byte; raises ``Damaged``."""
        return cls.of(path, verify(path))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Open an artifact whose bytes the caller has verified; raises ``Damaged`` where it is of another kind."""
        return cls.of(path, read_manifest(path))

    @classmethod
    def of(cls, path: Path, manifest: Mapping[str, Any]) -> Self:
        """The artifact of a verified manifest; raises ``Damaged`` where it is of another kind, or of none."""
        refuse_incomplete(path, manifest)
        if manifest.get("kind") != cls.__name__ and cls is not Artifact:
            raise Damaged(f"{path}: holds a {manifest.get('kind')}, not a {cls.__name__}")
        return cls(path=path, manifest=manifest)

    @property
    def identity(self) -> str:
        """What was asked: stage, version, spec and the parents' identities."""
        return str(self.manifest["identity"])

    @property
    def digest(self) -> str:
        """What came out: over the names and bytes of the files; free of time, host and paths."""
        return str(self.manifest["digest"])

    @property
    def facts(self) -> dict[str, Any]:
        """The few numbers that the stage reported about what it made."""
        return dict(self.manifest["facts"])


def refuse_incomplete(path: Path, manifest: Mapping[str, Any]) -> None:
    """Raise ``Damaged`` where a manifest lacks what every artifact states, or states it as something else."""
    types = {"kind": str, "stage": str, "identity": str, "facts": dict, "parents": dict}
    wrong = [name for name, kind in types.items() if not isinstance(manifest.get(name), kind)]
    if not isinstance(manifest.get("spec"), dict | type(None)):
        wrong.append("spec")
    if not wrong:
        keys = ("kind", "identity", "digest")
        parents = manifest["parents"].values()
        if not all(isinstance(each, dict) and all(isinstance(each.get(key), str) for key in keys) for each in parents):
            wrong.append("parents")
    if wrong:
        raise Damaged(f"{path}: {MANIFEST} states no {wrong[0]} of an artifact")


class Protected(Artifact):
    """Texts that no model may train on: ``texts.jsonl``, one ``{"task", "item", "text"}`` a line."""


class Raw(Artifact):
    """What the sources held: ``documents/<part>-<n>.jsonl``, ``inventory.jsonl``, and by source ``sources.jsonl``.

    ``quarantine.jsonl`` names what gave no document, and why: not readable, without text, dated later, withdrawn.
    """


class Corpus(Artifact):
    """Clean text: ``<split>/<part>-<n>.jsonl``, ``ledger.parquet``, ``counts.json``, ``test_overlap.jsonl``.

    Splits are train, validation, test and later; parts are domain and general. A line holds
    ``id``, ``text``, ``source``, ``url``, ``licence``, ``date``, ``language`` and ``cluster``,
    the name of its near-duplicate cluster.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "validation", "test", "later")

    def shards(self, split: str, part: str) -> list[Path]:
        """The files of one split and part, in reading order."""
        return sorted((self.path / split).glob(f"{part}-*.jsonl"))

    def documents(self, split: str, part: str) -> Iterator[dict[str, Any]]:
        """The documents of one split and part, in reading order."""
        for shard in self.shards(split, part):
            yield from read_lines(shard)

    def test_overlap(self) -> Iterator[dict[str, Any]]:
        """``id``, ``part``, ``source`` of each test document, how many n-grams of words it has (``ngrams``), and how
        many of them stood in training text (``came``) and still do (``stays``).
        """
        return read_lines(self.path / "test_overlap.jsonl")


class Tokenizer(Artifact):
    """A fast tokenizer in the transformers layout."""


class Tokens(Artifact):
    """Encoded text: ``<split>/<part>.bin`` with document offsets and byte lengths beside it."""


class Datasheet(Artifact):
    """``datasheet.json``: the text available to a model, and what was left out."""


class Checkpoint(Artifact):
    """A model in the transformers layout, with the tokenizer that it speaks; safetensors only."""


class Trial(Artifact):
    """What a small training came to: ``training.jsonl`` and its facts; what it learned is gone."""


class Verdict(Artifact):
    """``verdict.json``: whether an extended tokenizer is worth its price."""


class Choice(Artifact):
    """``choice.json``: the mixture and learning rate that the pilots recommend, and their law."""


class Scorecard(Artifact):
    """``scores.json``: what each arm scored, with intervals."""


class Decision(Artifact):
    """``decision.json``: released or not, and why."""


class Release(Artifact):
    """A folder that transformers opens, with card, lineage and checksums."""

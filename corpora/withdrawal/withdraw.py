"""The list of withdrawn documents of a work folder, which every later build obeys."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from corpora.document import Document
from corpora.ledger.ledger import Row
from corpora.withdrawal.withdrawn_text import TextSignature, WithdrawnTexts
from domain.advice import refused
from domain.errors import UserError
from domain.jsonlines import line, parse_line
from domain.spec import Spec, fingerprint
from domain.text.minhash import BANDS

AT_ONCE = 1 << 20  # characters of documents that are compared together
TOGETHER = 256  # documents, at most
LIST = "withdrawn.jsonl"
Hash = Annotated[int, Field(ge=0, lt=1 << 64)]
T = TypeVar("T")


def all_or_none(bands: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse some of a text's bands without the others."""
    if len(bands) not in (0, BANDS):
        raise ValueError(f"has {len(bands)} bands; {BANDS} or none")
    return bands


class Withdrawal(Spec):
    """A line of the list: a document by hashes of its text, none of its words.

    ``key``, ``bands``, ``words`` and ``shorter`` are those of a ``TextSignature``. ``own`` is the id that the record in
    ``source`` stated; null where it had none and ``id`` only says where it stood.
    """

    id: Annotated[str, Field(min_length=1, max_length=10_000)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="of the text in UTF-8")]
    source: str = ""
    own: str | None = None
    key: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    bands: Annotated[tuple[Hash, ...], AfterValidator(all_or_none)] = ()
    words: Hash | None = None
    shorter: Annotated[tuple[Hash, ...], Field(max_length=128)] = ()
    reason: str = ""

    def signature(self) -> TextSignature | None:
        """By what its text is known; None where the line states the SHA-256 alone."""
        if not self.key:
            return None
        return TextSignature(key=self.key, bands=self.bands, words=self.words, shorter=self.shorter)


@dataclass(frozen=True)
class Withdrawals:
    """What must be left out: ``hashes``, SHA-256 of exact texts; ``names``, (source, id) of records that state an id;
    ``texts``, signatures of texts.
    """

    rows: tuple[Withdrawal, ...] = ()
    hashes: frozenset[str] = frozenset()
    names: frozenset[tuple[str, str]] = frozenset()
    texts: WithdrawnTexts = field(default_factory=WithdrawnTexts)

    @classmethod
    def read(cls, work: Path) -> Withdrawals:
        """What ``<work>/withdrawn.jsonl`` says; a last line that a crash cut off was never recorded.

        Raises ``UserError`` where a line cannot be understood: then nobody knows what must be left out.
        """
        path = work / LIST
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return cls()
        rows = []
        for number, text in enumerate(content.split(b"\n")[:-1], 1):
            place = f"{path}:{number}"
            try:
                rows.append(Withdrawal.model_validate(parse_line(text)))
            except ValidationError as error:
                raise refused(place, error.errors()[0], "fix the line; each is {id, sha256, ...}") from None
            except ValueError as error:
                raise UserError(place, f"is no withdrawal ({error})", "fix the line") from None
        return cls.of(rows)

    @classmethod
    def of(cls, rows: Sequence[Withdrawal]) -> Withdrawals:
        """What these lines ask for."""
        return cls(
            tuple(rows),
            frozenset(row.sha256 for row in rows),
            frozenset((row.source, row.own) for row in rows if row.own is not None),
            WithdrawnTexts.of(each for row in rows if (each := row.signature()) is not None),
        )

    def state(self) -> str:
        """What enters the request for a new collection."""
        return fingerprint(sorted(row.model_dump_json(exclude={"reason"}) for row in self.rows))

    def marked(self, stream: Iterable[T]) -> Iterator[tuple[T, str]]:
        """Each document of a source and what else comes of it, with the reason for which it was withdrawn, or ""."""
        if not self.rows:
            yield from ((each, "") for each in stream)
            return
        batch, size = list[T](), 0
        for each in stream:
            batch.append(each)
            size += len(each.text) if isinstance(each, Document) else 0
            if size >= AT_ONCE or len(batch) >= TOGETHER:
                yield from zip(batch, self.reasons(batch), strict=True)
                batch, size = [], 0
        yield from zip(batch, self.reasons(batch), strict=True)

    def reasons(self, batch: Sequence[object]) -> list[str]:
        """Why each was withdrawn: its text, its record's own id, or a text of which it is a near copy."""
        documents = [each for each in batch if isinstance(each, Document)]
        by_text = iter(self.texts.matches([each.text for each in documents]) if self.texts else [""] * len(documents))
        answers = []
        for each in batch:
            if not isinstance(each, Document):
                answers.append("")
            elif match := next(by_text):
                answers.append("withdrawn" if match == "text" else f"withdrawn: {match}")
            else:
                is_named = each.own is not None and (each.source, each.own) in self.names
                answers.append("withdrawn" if is_named else "")
        return answers


def record(work: Path, rows: Iterable[Withdrawal]) -> int:
    """Append what is not there yet; on the disk when this returns; how many lines."""
    before = Withdrawals.read(work).rows
    recorded = {(row.id, row.sha256) for row in before}
    new = [row for row in rows if (row.id, row.sha256) not in recorded]
    path = work / LIST
    with path.open("ab") as file:
        file.truncate(path.read_bytes().rfind(b"\n") + 1)  # of a line that a crash cut off
        file.writelines(line(stated(row)) for row in new)
        file.flush()
        os.fsync(file.fileno())
    return len(new)


def undo(work: Path, ids: Iterable[str]) -> list[str]:
    """Take these ids off the list, which is replaced whole or not at all; those that were on it, sorted."""
    before, names = Withdrawals.read(work).rows, frozenset(ids)
    gone = {row.id for row in before if row.id in names}
    if gone:
        aside = work / f".{LIST}.undo"
        with aside.open("wb") as file:
            file.writelines(line(stated(row)) for row in before if row.id not in names)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, work / LIST)
    return sorted(gone)


def stated(row: Withdrawal) -> Row:
    """A line of the list, without what it leaves open."""
    fields: dict[str, Any] = row.model_dump(mode="json", exclude_defaults=True)
    return {"id": row.id, "sha256": row.sha256, **fields, "reason": row.reason}

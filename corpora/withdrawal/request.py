"""From withdrawn ids to documents: in which raw texts each is, and with which text."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from corpora.filters.masked_names import Names
from corpora.withdrawal.containment import Made
from corpora.withdrawal.many_strings import RowsById
from corpora.withdrawal.withdraw import Withdrawal, Withdrawals
from corpora.withdrawal.withdrawn_text import TextSignature, WithdrawnTexts, signatures
from domain.errors import UserError
from domain.jsonlines import parse_line, read_lines

WITH_DIGEST = re.compile(r"(.+)@([0-9a-f]{8,64})\Z", re.DOTALL)  # an id, and how its text's SHA-256 begins
DIGITS = 8  # of a SHA-256 that are shown
AT_ONCE = 1 << 22  # characters of texts whose signatures are computed together


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A document in a raw text: what its inventory says of it."""

    raw: Path
    id: str
    source: str
    own: str | None
    sha256: str


@dataclass
class WithdrawalRequest:
    """``rows``: what is recorded. ``named``: by raw text, the ids under which the documents stand there; ``others``:
    those of them that were not asked for by name. ``missing``: ids that no raw text has, and that were never withdrawn.
    """

    rows: list[Withdrawal] = field(default_factory=list)
    named: dict[Path, set[str]] = field(default_factory=lambda: defaultdict(set))
    others: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)


def standings(everything: Iterable[Made]) -> Iterator[Standing]:
    """Every line of every inventory."""
    for made in everything:
        if made.kind == "Raw":
            for row in read_lines(made.path / "inventory.jsonl"):
                source, own = row["source"], row.get("own")
                yield Standing(raw=made.path, id=row["id"], source=source, own=own, sha256=row["sha256"])


def requested(
    everything: Collection[Made], ids: Collection[str], before: Withdrawals, reason: str = ""
) -> WithdrawalRequest:
    """What ids ask for. An id may stand for another document in each raw text, as ``file:line`` does once a line is put
    before it; then it means the one that was withdrawn by it before, or ``id@digest`` tells which.

    Reads each inventory twice and each text once, however many ids there are. Raises ``UserError``, or a group of
    them, for ids that stand for several documents.
    """
    names = Names(ids)
    digests = {match[1]: match[2] for name in names.ids if (match := WITH_DIGEST.match(name))}
    plain = Names({*ids, *digests})
    candidates = [each for each in standings(everything) if each.id in plain]
    by_name = {each.id for each in candidates}
    wanted = [each for each in candidates if each.id in names or each.sha256.startswith(digests.get(each.id, "-"))]
    met = {f"{each.id}@" for each in wanted if each.id in digests}
    missing = [name for name in names.missing(by_name) if f"{name.rpartition('@')[0]}@" not in met]
    texts = texts_of(wanted)
    chosen = unambiguous(wanted, texts, before)

    owners = Counter[tuple[Path, str, str]]()
    hashes, owns = {each.sha256 for each in chosen}, {(each.source, each.own) for each in chosen if each.own}
    alike = list[Standing]()
    for each in standings(everything):
        if each.own is not None and (each.source, each.own) in owns:
            owners[each.raw, each.source, each.own] += 1
            alike.append(each)
        elif each.sha256 in hashes:
            alike.append(each)
    unclear = {(source, own) for (_, source, own), count in owners.items() if count > 1}  # two records state one id
    request = WithdrawalRequest(missing=[name for name in missing if name not in {row.id for row in before.rows}])
    for each in chosen:
        own = each.own if (each.source, each.own) not in unclear else None
        request.rows.append(row_of(each, own, texts.get(each.sha256), reason))
    request.rows = list({(row.id, row.sha256): row for row in request.rows}.values())
    for each in alike:
        if each.sha256 in hashes or (each.source, each.own) not in unclear:
            request.named[each.raw].add(each.id)
            if each.id not in plain and each.id not in by_name:
                request.others.add(each.id)
    return request


def row_of(each: Standing, own: str | None, signature: TextSignature | None, reason: str) -> Withdrawal:
    """The line of the list for a document."""
    fields = {"id": each.id, "sha256": each.sha256, "source": each.source, "own": own, "reason": reason}
    return Withdrawal.model_validate({**fields, **(vars(signature) if signature else {})})


def texts_of(wanted: Iterable[Standing]) -> dict[str, TextSignature]:
    """By SHA-256, the signatures of these documents' texts; none of a text that was purged."""
    by_raw = defaultdict[Path, dict[str, str]](dict)
    for each in wanted:
        by_raw[each.raw][each.id] = each.sha256
    by_digest: dict[str, TextSignature] = {}
    waiting: dict[str, str] = {}

    def computed() -> None:
        by_digest.update(zip(waiting, signatures(list(waiting.values())), strict=True))
        waiting.clear()

    for raw, names in by_raw.items():
        rows = RowsById(names)
        for shard in sorted((raw / "documents").glob("*.jsonl")):
            with shard.open("rb") as lines:
                for text in lines:
                    if rows.may_be(text) and (row := parse_line(text))["id"] in names and row["text"]:
                        if (sha256 := names[row["id"]]) not in by_digest:
                            waiting[sha256] = row["text"]
                        if sum(map(len, waiting.values())) > AT_ONCE:
                            computed()
    computed()
    return by_digest


def unambiguous(wanted: Iterable[Standing], texts: Mapping[str, TextSignature], before: Withdrawals) -> list[Standing]:
    """The documents that ids stand for; raises for those that stand for several."""
    by_id = defaultdict[str, list[Standing]](list)
    for each in wanted:
        by_id[each.id].append(each)
    chosen, errors = list[Standing](), list[UserError]()
    for name, of in by_id.items():
        groups = grouped(of, texts)
        withdrawn = [
            group
            for group in groups
            if any(each.sha256 in before.hashes or (each.source, each.own) in before.names for each in group)
        ]
        if len(groups) > 1 and not withdrawn:
            forms = " or ".join(f"{name}@{group[0].sha256[:DIGITS]} (in {group[0].raw.name})" for group in groups)
            problem = f"stands for {len(groups)} documents in different raw texts"
            errors.append(UserError(name, problem, f"name the one that is meant: {forms}"))
        for group in withdrawn or groups:
            chosen += group
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("unclear documents", errors)
    return chosen


def grouped(of: list[Standing], texts: Mapping[str, TextSignature]) -> list[list[Standing]]:
    """Those that are one document: of one record's own id, of one text, or of near copies."""
    groups: list[list[Standing]] = []
    for each in of:
        for group in groups:
            if any(are_one(each, other, texts) for other in group):
                group.append(each)
                break
        else:
            groups.append([each])
    return groups


def are_one(one: Standing, other: Standing, texts: Mapping[str, TextSignature]) -> bool:
    """Whether two standings of an id are one document."""
    if one.sha256 == other.sha256 or (one.own is not None and (one.source, one.own) == (other.source, other.own)):
        return True
    left, right = texts.get(one.sha256), texts.get(other.sha256)
    if left is None or right is None:
        return False
    return left.key == right.key or left.words == right.words is not None or WithdrawnTexts.of([left]).is_near(right)

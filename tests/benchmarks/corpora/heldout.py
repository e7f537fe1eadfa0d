"""Held-out text in the second week, at the default shares: whether any of it is trained on, and what that costs others.

    python -m tests.benchmarks.corpora --only heldout

Of the texts 45% are a first corpus, without filters. In the second week its held-out ones come as they were, with two
words edited, beside an older near copy, with their second half rewritten, or quoted in a longer text; 45% are new; and
privacy is asked for, which drops nothing. What is written around held-out text is made of the words of the last tenth,
in an order of chance, and stands nowhere else. The same week is curated once more where nothing was held out before:
what is in training there and not here, the record of held-out text has cost.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from corpora import Collection, Curation, collect, curate
from domain.artifacts import PARTS, Corpus, Protected, Raw
from domain.jsonlines import write_lines
from domain.machine import Machine
from tests.benchmarks.corpora.pipeline import nothing

Record = dict[str, Any]
NEVER_TRAINED_ON = ("as it was", "two words edited", "an older near copy")
CHANGES = (*NEVER_TRAINED_ON, "quoted", "half rewritten")  # the last two are more than an edit: counted, and no goal
GOAL = 0.001  # most of the other documents that go
DAY, EARLIER_DAY = "2020-01-01", "1980-01-01"


def changed(how: str, record: Record, spare: Sequence[str], chance: random.Random) -> list[Record]:
    """What comes in the second week in place of a held-out text."""
    words = record["text"].split(" ")
    before, after = (chance.sample(each, len(each)) for each in (chance.choice(spare).split(" ") for _ in range(2)))
    if how == "as it was":
        return [record]
    if how == "two words edited":
        places = [match.span() for match in re.finditer(r"\w+", record["text"])]
        words = [record["text"]]
        for begin, end in sorted(chance.sample(places, min(2, len(places))), reverse=True):
            words = [f"{words[0][:begin]}other{chance.randrange(10**6)}{words[0][end:]}"]
    elif how == "an older near copy":
        words += after[:3]
    elif how == "quoted":
        words = [*before, *words, *after]
    else:
        words[(len(words) + 1) // 2 :] = after[: len(words) // 2]
    copy = {"id": f"{record['id']} changed", "text": " ".join(words), "date": EARLIER_DAY}
    return [record, copy] if how == "an older near copy" else [copy]


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """One row."""
    chance, count = random.Random(seed), len(texts) * 9 // 20
    records = [{"id": str(number), "text": text, "date": DAY} for number, text in enumerate(texts[: 2 * count])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entries, machine = folder / "work" / "heldout", Machine(workers=2, work=folder / "work")
        fixed = {"protected": Protected.open(nothing(folder / "protected")), "machine": machine}
        first = collected(folder / "first", records[:count])
        before = splits(curate(Curation(filters=()), raw=first, out=folder / "corpus 1", **fixed))
        frozen = [each for each in records[:count] if before.get(each["id"]) in ("validation", "test")]
        hows = [CHANGES[number % len(CHANGES)] for number in range(len(frozen))]
        came = [changed(how, each, texts[2 * count :], chance) for how, each in zip(hows, frozen, strict=True)]
        others = [each for each in records[:count] if before.get(each["id"]) == "train"] + records[count:]
        second = collected(folder / "second", [*others, *(each for some in came for each in some)])
        private = Curation.model_validate({"filters": ["privacy"]})
        entries.rename(folder / "heldout")
        alone = splits(curate(private, raw=second, out=folder / "corpus 2", **fixed))
        shutil.rmtree(entries)
        (folder / "heldout").rename(entries)
        after = splits(curate(private, raw=second, out=folder / "corpus 3", **fixed))
    leaked = Counter(
        how for how, some in zip(hows, came, strict=True) if any(after.get(each["id"]) == "train" for each in some)
    )
    lost = [each["id"] for each in others if alone.get(each["id"]) == "train" != after.get(each["id"])]
    yield {
        "stage": "heldout", "held_out": dict(Counter(hows)), "trained_on": dict(leaked),
        "others": len(others), "lost": len(lost), "share": round(len(lost) / len(others), 6), "goal": GOAL,
        "passed": not any(leaked[how] for how in NEVER_TRAINED_ON) and len(lost) <= GOAL * len(others),
    }  # fmt: skip


def collected(folder: Path, records: Sequence[Record]) -> Raw:
    """The records, by turns in both parts."""
    folder.mkdir()
    for number, part in enumerate(PARTS):
        own = (record for record in records if int(record["id"].split()[0]) % 2 == number)
        write_lines(folder / f"{part}.jsonl", own)
    sources = {part: [{"kind": "files", "path": str(folder / f"{part}.jsonl")}] for part in PARTS}
    spec = Collection.model_validate({**sources, "licences": {"allow": ["unknown"]}})
    return collect(spec, out=folder / "raw", machine=Machine(work=folder))


def splits(corpus: Corpus) -> dict[str, str]:
    """The split of every document that stays."""
    return {d["id"]: split for split in corpus.splits for part in PARTS for d in corpus.documents(split, part)}

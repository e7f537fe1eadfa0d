"""Near duplicates, from a file that is read to one that is written: against datatrove's four stages and rensa.

datatrove runs as it comes (English spaCy split, 14 x 8), on a part of the text, since it is slow. The script on rensa
reads, writes and copies lines as ours does, splits by ``\\w+`` and gives its 5-word shingles to the fastest batch call.
Recall is over pairs of a real text of 200 words and a copy with words replaced, deleted or doubled, by share of words.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import compress, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
import xxhash

from corpora.dedup.near import near_duplicates
from domain.jsonlines import line
from domain.text.minhash import BANDS, ROWS, SHINGLE, band_hashes
from domain.text.words import Split
from tests.benchmarks.rounds import interleaved, resident, row, slope

BUFFER = 1 << 20  # bytes; with Python's 8 kB, reading and writing lines takes three times as long
BATCH = 256  # documents at once, as in curation
SLOW = 1_000_000  # bytes that datatrove gets in a round: about 3 s
RATES = (0.005, 0.01, 0.02, 0.03)
PAIRS = 4_000


def encoded_hash(text: str | bytes) -> int:
    """XXH64, as datatrove's own function with xxhash before 4."""
    return int(xxhash.xxh64_intdigest(text.encode() if isinstance(text, str) else text))


def written(folder: Path, name: str, texts: list[str]) -> Path:
    """The texts as a file of JSON Lines in a folder of its own."""
    path = folder / name / "00000.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line({"id": str(number), "text": text}) for number, text in enumerate(texts)))
    return path


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file."""
    with path.open("rb", BUFFER) as lines:
        yield from map(orjson.loads, lines)


def bands_of(path: Path) -> np.ndarray:
    """The band hashes of a file's texts."""
    rows, bands = records(path), [np.empty((0, BANDS), np.uint64)]
    while batch := list(islice(rows, BATCH)):
        bands.append(band_hashes(Split([each["text"] for each in batch])))
    return np.concatenate(bands)


def copied(path: Path, out: Path, drops: np.ndarray) -> None:
    """Copy the lines that stay."""
    with path.open("rb", BUFFER) as lines, out.open("wb", BUFFER) as kept:
        kept.writelines(compress(lines, (~drops).tolist()))


def ours(path: Path, out: Path) -> None:
    """Read twice, write once."""
    bands = bands_of(path)
    copied(path, out, near_duplicates(bands, np.arange(len(bands)))[0])


def rensa(path: Path, out: Path) -> None:
    """The same on rensa. It flags both of a pair, which makes its last step easier than ours."""
    from rensa import RMinHash, RMinHashLSH

    index, rows, flags = RMinHashLSH(0.72, BANDS * ROWS, BANDS), records(path), list[bool]()
    while batch := list(islice(rows, BATCH)):
        words = [re.findall(r"\w+", each["text"].lower()) for each in batch]
        shingles = [[" ".join(w[i : i + SHINGLE]) for i in range(max(1, len(w) - SHINGLE + 1))] for w in words]
        digests = RMinHash.digest_matrix_from_token_sets(shingles, BANDS * ROWS, 42)
        flags += index.insert_matrix_and_query_duplicate_flags(digests, len(flags))
    copied(path, out, np.array(flags, bool))


def datatrove(path: Path, out: Path) -> None:
    """Signatures, buckets, clusters, filter."""
    from datatrove.pipeline.dedup.minhash import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )  # fmt: skip
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashes import xxhash as hashes
    from datatrove.utils.logging import logger

    logger.disable("datatrove")
    hashes.xxhash64 = encoded_hash  # xxhash 4 takes no str, which its own gives
    source = str(path.parent)
    with tempfile.TemporaryDirectory() as work, contextlib.redirect_stderr(io.StringIO()):
        signs, buckets, remove = f"{work}/signs", f"{work}/buckets", f"{work}/remove"
        MinhashDedupSignature(signs).run(JsonlReader(source).run(), 0, 1)
        for rank in range(BANDS):
            MinhashDedupBuckets(signs, buckets).run(None, rank, BANDS)
        MinhashDedupCluster(buckets, remove).run(None, 0, 1)
        writer = JsonlWriter(str(out.parent), out.name, compression=None)
        for _ in writer.run(MinhashDedupFilter(remove).run(JsonlReader(source).run(), 0, 1), 0, 1):
            pass


def edited(words: list[str], rate: float, chance: random.Random) -> list[str]:
    """The words with this share of them, and at least one, replaced, deleted or doubled."""
    copy = list(words)
    for place in sorted(chance.sample(range(len(copy)), max(1, round(rate * len(copy)))), reverse=True):
        copy[place : place + 1] = chance.choice(([f"new{chance.randrange(10**6)}"], [], [copy[place]] * 2))
    return copy


def planted(texts: list[str], chance: random.Random) -> list[str]:
    """Texts of 200 words, then a copy of each: edited at the rates in turn."""
    pieces = [words[i : i + 200] for t in texts for words in [t.split()] for i in range(0, len(words) - 199, 200)]
    chosen = chance.sample(pieces, min(PAIRS, len(pieces)))
    copies = [edited(words, RATES[number % len(RATES)], chance) for number, words in enumerate(chosen)]
    return [" ".join(words) for words in chosen + copies]


def recall(out: Path, pairs: int) -> list[float]:
    """By rate, the share of pairs of which at most one was written."""
    kept = np.zeros(2 * pairs, bool)
    for text in out.read_bytes().splitlines():
        kept[int(orjson.loads(text)["id"])] = True
    found = ~(kept[:pairs] & kept[pairs:])
    return [round(float(found[start :: len(RATES)].mean()), 4) for start in range(len(RATES))]


def rows(texts: list[str], seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Against both peers; then how time and memory grow."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        out, few, size = folder / "out.jsonl", list[str](), 0
        while size < SLOW and len(few) < len(texts):
            few.append(texts[len(few)])
            size += len(few[-1].encode())
        every = sum(len(text.encode()) for text in texts) / 1e6
        path, part = written(folder, "all", texts), written(folder, "part", few)

        pairs = written(folder, "pairs", planted(texts, chance))
        found = {}
        for way in (ours, datatrove):
            way(pairs, out)
            found[way.__name__] = recall(out, sum(1 for _ in records(pairs)) // 2)
        mean = {name: sum(each) / len(each) for name, each in found.items()}
        gate = {"recall": found["ours"], "datatrove": found["datatrove"], "rates": RATES}
        holds = mean["ours"] >= mean["datatrove"] - 0.01

        ways = {
            "ours": lambda: ours(path, out),
            "rensa": lambda: rensa(path, out),
            "datatrove": lambda: datatrove(part, out),
        }
        seconds = interleaved(ways, rounds)
        mine, gated = seconds["ours"], {"gate": gate, "holds": holds}
        yield row("near: datatrove", mine, every, seconds["datatrove"], size / 1e6, 40, **gated)
        yield row("near: rensa", mine, every, seconds["rensa"], every, 1.5, **gated)
        yield growth(folder, texts, rounds)


def growth(folder: Path, texts: list[str], rounds: int) -> dict[str, Any]:
    """Time and resident set over a quarter, half and all of the text.

    For the resident set the quarter comes 1, 2 and 4 times: the largest batch, which is held, must not differ. That of
    the pass over the text, with its bands, is to be flat; what deciding on them takes is told by document.
    """
    quarter, out = len(texts) // 4, folder / "out.jsonl"
    parts = [written(folder, f"part{share}", texts[: quarter * share]) for share in (1, 2, 4)]
    sizes = [path.stat().st_size / 1e6 for path in parts]
    ways = {path.parent.name: partial(ours, path, out) for path in parts}
    timed = interleaved(ways, rounds, time.process_time)  # another program that runs meanwhile would bend the line
    steep = median(slope(sizes, [each[number] for each in timed.values()]) for number in range(rounds))
    again = [written(folder, f"again{times}", texts[:quarter] * times) for times in (1, 2, 4)]
    passes, whole = [resident(bands_of, path) for path in again], [resident(ours, path, out) for path in again]
    index = (whole[2] - whole[0]) * 2**20 / (3 * quarter)
    return {
        "stage": "near: growth", "ratio": None, "spread": None,
        "goal": {"slope": 1.1, "resident": 1.15, "index": 1_200}, "slope": round(steep, 3), "resident_mb": passes,
        "with_index_mb": whole, "index_bytes_a_document": round(index),
        "passed": steep <= 1.1 and passes[2] <= 1.15 * passes[0] and index <= 1_200,
    }  # fmt: skip

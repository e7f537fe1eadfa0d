"""Training a tokenizer, from texts to its file: against the trainers of ``tokenizers`` on the same texts and settings.

Our BPE is that trainer, called; what could be lost is in how texts are streamed to it, and two runs of one trainer
differ by some percent, so 0.95 counts as no slower. Our Unigram is our own. Memory is that of a process that trains on
made text: the given text again and again, every 250th word with letters of its own. That adds 700 distinct words a MB,
800,000 in 1 GB; of the test data 75 MB have 160,000, twice the text 1.35 times as many, so 1 GB would have 500,000. The
line through two sizes says what 1 GB takes.
"""

from __future__ import annotations

import gzip
import json
import random
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domain.tokenizer.train import BEGIN, END, PAD, splitter, train
from tests.benchmarks.rounds import interleaved, resident, row

PIECES = 8_192
SLOW = 6_000_000  # bytes that the Unigram trainers get in a round
SIZES = (50_000_000, 200_000_000)  # bytes of made text
RARE = 250  # words, one of which is new
BOUND = 2_000  # resident MB for 1 GB of text


def texts_of(folder: Path) -> list[str]:
    """The texts of finance and general, in this order."""
    found = []
    for part in ("finance", "general"):
        for path in sorted((folder / part).glob("*.jsonl.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                found += [json.loads(line)["text"] for line in lines]
    return found


def theirs(texts: list[str], model: str, out: Path) -> None:
    """The trainers of ``tokenizers``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    fast = Tokenizer(models.BPE() if model == "bpe" else models.Unigram())
    fast.pre_tokenizer, fast.decoder = splitter("alone", multiword=False), decoders.ByteLevel()
    asked: dict[str, Any] = {
        "vocab_size": PIECES, "special_tokens": [BEGIN, END, PAD], "show_progress": False,
        "initial_alphabet": pre_tokenizers.ByteLevel.alphabet(),
    }  # fmt: skip
    bpe = model == "bpe"
    trainer = trainers.BpeTrainer(min_frequency=2, **asked) if bpe else trainers.UnigramTrainer(**asked)
    fast.train_from_iterator(texts, trainer)
    out.mkdir(exist_ok=True)
    fast.save(str(out / "tokenizer.json"))


def ours(texts: list[str], model: Any, out: Path) -> None:
    """Ours."""
    train(iter(texts), model=model, pieces=PIECES, out=out)


def encoded(out: Path, texts: list[str]) -> float:
    """UTF-8 bytes over tokens."""
    from tokenizers import Tokenizer

    tokens = sum(len(found.ids) for found in Tokenizer.from_file(str(out / "tokenizer.json")).encode_batch_fast(texts))
    return sum(len(text.encode()) for text in texts) / tokens


def rows(folder: Path, seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """BPE, Unigram, then memory."""
    texts = texts_of(folder)
    random.Random(seed).shuffle(texts)
    held, given = texts[: len(texts) // 20], texts[len(texts) // 20 :]
    few, size = list[str](), 0
    while size < SLOW and len(few) < len(given):
        few.append(given[len(few)])
        size += len(few[-1].encode())
    with tempfile.TemporaryDirectory() as work:
        out = Path(work)
        for model, some, goal in (("bpe", given, 0.95), ("unigram", few, 1.0)):
            mine, peer = out / f"{model}-ours", out / f"{model}-theirs"
            ways = {
                "ours": lambda some=some, model=model, mine=mine: ours(some, model, mine),
                "theirs": lambda some=some, model=model, peer=peer: theirs(some, model, peer),
            }
            seconds = interleaved(ways, rounds)
            ratio = {"ours": round(encoded(mine, held), 4), "tokenizers": round(encoded(peer, held), 4)}
            gate: dict[str, Any] = {"bytes_per_token": ratio}
            holds = ratio["ours"] >= ratio["tokenizers"]
            if model == "bpe":
                merges = [json.loads((each / "tokenizer.json").read_text())["model"]["merges"] for each in (mine, peer)]
                gate["merges_equal"] = holds = merges[0] == merges[1]
            every = sum(len(text.encode()) for text in some) / 1e6
            yield row(f"train: {model}", seconds["ours"], every, seconds["theirs"], every, goal, gate=gate, holds=holds)
        for model in ("bpe", "unigram"):
            yield memory(folder, model, seed)


def made(texts: list[str], size: int, seed: int) -> Iterator[str]:
    """Text of this many bytes in which new words keep coming."""
    chance, total = random.Random(seed), 0
    while total < size:
        words = chance.choice(texts).split(" ")
        for place in range(chance.randrange(RARE), len(words), RARE):
            words[place] += "".join(chance.choices(string.ascii_lowercase, k=6))
        text = " ".join(words)
        total += len(text.encode())
        yield text


def train_made(folder: Path, model: Any, size: int, seed: int) -> None:
    """Train on made text."""
    with tempfile.TemporaryDirectory() as out:
        train(made(texts_of(folder), size, seed), model=model, pieces=32_768, out=Path(out))


def memory(folder: Path, model: str, seed: int) -> dict[str, Any]:
    """Resident MB at two sizes, 100 MB of it the texts that the made one comes from, and what 1 GB takes."""
    used = [resident(train_made, folder, model, size, seed) for size in SIZES]
    slope = (used[1] - used[0]) / (SIZES[1] - SIZES[0]) * 1e6
    most = used[1] + slope * (1e9 - SIZES[1]) / 1e6
    return {
        "stage": f"train: memory, {model}", "ratio": None, "spread": None, "goal": {"resident_at_1_gb": BOUND},
        "sizes_mb": [size // 10**6 for size in SIZES], "resident_mb": used, "mb_per_mb": round(slope, 3),
        "resident_at_1_gb": round(most), "passed": most < BOUND,
    }  # fmt: skip

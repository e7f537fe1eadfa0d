"""Encoding, from texts in memory to ids: against ``encode_batch`` of the same tokenizer; then the whole stage.

Both get the same texts in the same lists of 1,000 and share the same cores; ours has its proof behind it, which costs
``proof_seconds`` once. The gate: all ids are equal, and texts that are hard come back as they were. A second tokenizer
cuts words as GPT-2 does. The stage reads a corpus and writes shards, so its MB/s are information.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from domain.artifacts import Corpus, Tokenizer
from domain.machine import Machine, available_cores
from domain.manifest import seal
from domain.tokenizer.encoding.texts import cache_of, encode_texts, load_tokenizer
from domain.tokenizer.train import train
from domain.tokens.encode import Encoding, encode
from tests.benchmarks.rounds import interleaved, row
from tests.benchmarks.tokens.train import texts_of

PIECES = 32_768
SIZE = 12_000_000  # bytes; encode_batch takes some seconds for them
LEARNED = 6_000_000  # bytes that the tokenizer is trained on
SHARD = 4_000_000  # bytes, as in collection
EVERY = "".join(map(chr, range(0x20))) + "".join(map(chr, range(0x7F, 0x800)))
HARD_TEXTS = [
    "", "👩‍👩‍👧‍👦 🇰🇷 ❤️", "한국어 텍스트",
    "\u1112\u1161\u11ab\u1100\u1161", "e\u0301\u0323 \u0915\u094d\u0937", "a\x00b\x00",
    "x" * 1_000_000, "therate" * 150_000, " " * 10_000 + "x\n\n\n  y", "1234567 " * 5_000, EVERY, "<|end|> <|begin|>",
]  # fmt: skip


def chosen(texts: list[str], size: int) -> list[str]:
    """Texts of about this many bytes in all, from the first on."""
    found = list[str]()
    for text in texts:
        found.append(text)
        size -= len(text.encode())
        if size <= 0:
            break
    return found


def gpt2(texts: list[str], out: Path) -> None:
    """A tokenizer that cuts words as GPT-2 does, trained by ``tokenizers``."""
    from tokenizers import Tokenizer as Whole
    from tokenizers import decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    fast = Whole(models.BPE())
    fast.pre_tokenizer, fast.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    fast.train_from_iterator(texts, trainer)
    PreTrainedTokenizerFast(tokenizer_object=fast, eos_token="<|end|>").save_pretrained(out)


def theirs(tokenizer: Any, lists: list[list[str]]) -> list[list[int]]:
    """``encode_batch``, on all cores; special tokens are characters, as for us."""
    backend = tokenizer.backend_tokenizer
    backend.encode_special_tokens = True
    found = [backend.encode_batch(texts, add_special_tokens=False) for texts in lists]
    backend.encode_special_tokens = False
    return [encoding.ids for encodings in found for encoding in encodings]


def ours(tokenizer: Any, lists: list[list[str]]) -> list[np.ndarray]:
    """Ours."""
    return [ids for texts in lists for ids in encode_texts(tokenizer, texts)]


def equal(tokenizer: Any, texts: list[str]) -> bool:
    """Whether all ids are the peer's, and all texts come back."""
    ids, lists = ours(tokenizer, [texts]), theirs(tokenizer, [texts])
    same = all(mine.tolist() == other for mine, other in zip(ids, lists, strict=True))
    return same and all(tokenizer.decode(each.tolist()) == text for each, text in zip(ids, texts, strict=True))


def against(name: str, folder: Path, texts: list[str], rounds: int) -> dict[str, Any]:
    """The row of one tokenizer."""
    tokenizer = load_tokenizer(folder)
    begin = time.perf_counter()
    fast = cache_of(tokenizer).prove(tokenizer.backend_tokenizer, texts[:20])
    proof = time.perf_counter() - begin
    holds = fast is not None and equal(tokenizer, [*HARD_TEXTS, *texts])
    lists = [texts[place : place + 1_000] for place in range(0, len(texts), 1_000)]
    ways = {"ours": lambda: ours(tokenizer, lists), "theirs": lambda: theirs(tokenizer, lists)}
    seconds, size = interleaved(ways, rounds), sum(len(text.encode()) for text in texts) / 1e6
    more = {"gate": {"ids_equal": holds}, "holds": holds, "proof_seconds": round(proof, 2), "cores": available_cores()}
    return row(name, seconds["ours"], size, seconds["theirs"], size, 4, **more)


def whole(folder: Path, texts: list[str], rounds: int) -> dict[str, Any]:
    """The stage: a corpus in files of 4 MB is read, encoded, written and sealed."""
    (folder / "corpus" / "train").mkdir(parents=True)
    size, part = 0, 0
    for number, text in enumerate(texts):
        part, size = (part + 1, 0) if size >= SHARD else (part, size + len(text.encode()))
        line = {"id": str(number), "source": "text", "text": text, "url": None, "licence": "mit", "date": "2024-01-01"}
        with (folder / "corpus" / "train" / f"domain-{part:05d}.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
    fields: dict[str, Any] = {"stage": "curate", "version": 1, "spec": None, "parents": {}}
    every = sum(len(text.encode()) for text in texts)
    splits = {"splits": {"train": {"domain": {"bytes": every}}}}
    seal(folder / "corpus", identity="0", kind="Corpus", facts=splits, **fields)
    seal(folder / "ours", identity="1", kind="Tokenizer", facts={}, **fields)
    corpus, tokenizer = Corpus.open(folder / "corpus"), Tokenizer.open(folder / "ours")
    seconds = []
    for number in range(rounds):
        begin = time.perf_counter()
        encode(Encoding(), corpus=corpus, tokenizer=tokenizer, out=folder / f"tokens{number}", machine=Machine())
        seconds.append(time.perf_counter() - begin)
    middle = sorted(seconds)[len(seconds) // 2]
    return {
        "stage": "encode: the stage", "ratio": None, "spread": None, "goal": None, "passed": None,
        "seconds": round(middle, 2), "mb_per_s": round(every / 1e6 / middle, 1), "cores": available_cores(),
    }  # fmt: skip


def rows(folder: Path, seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Both tokenizers, then the stage."""
    texts = texts_of(folder)
    random.Random(seed).shuffle(texts)
    with tempfile.TemporaryDirectory() as given:
        root, learned, few = Path(given), chosen(texts, LEARNED), chosen(texts, SIZE)
        train(iter(learned), pieces=PIECES, out=root / "ours")
        gpt2(learned, root / "gpt2")
        yield against("encode: encode_batch", root / "ours", few, rounds)
        yield against("encode: encode_batch, words as GPT-2", root / "gpt2", few, rounds)
        yield whole(root, texts, rounds)

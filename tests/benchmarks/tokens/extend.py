"""Extension: 2,000 and 4,000 pieces of financial text on a general BPE of 8,192 pieces, and a training anew beside it.

Every 20th document of both kinds is held out. A row says by how much fewer tokens the held-out text takes than with
the base, and how many documents take more. Goals at 2,000 pieces: 15% fewer tokens for the domain, no document with
more, and 30 s for all, from opening the base to the check of what was written. The training anew, to as many pieces as
the extension by 2,000 has, gets the general text and as much of the financial one: it moves every id.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from domain.tokenizer.extension.extend import extend
from tests.benchmarks.rounds import interleaved, resident

BASE, HELD = 8_192, 20  # pieces; one document of so many is held out
SIZES = {
    2_000: {"domain": -0.15, "general": 0.0, "seconds": 30},
    4_000: {"domain": -0.19, "general": 0.0, "seconds": 30},
}


def texts_of(folder: Path, part: str) -> Iterator[str]:
    """The texts of a part, in the order of its files."""
    for path in sorted((folder / part).glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line)["text"] for line in lines)


def divided(folder: Path, part: str, seed: int) -> tuple[list[str], list[str]]:
    """The texts to learn from, and those held out."""
    texts = list(texts_of(folder, part))
    return [text for number, text in enumerate(texts) if number % HELD != seed % HELD], texts[seed % HELD :: HELD]


def trained(texts: list[str], size: int) -> Any:
    """A byte-level BPE by the trainer of ``tokenizers``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer, fast.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    fast.train_from_iterator(texts, trainer)
    return fast


def lengths(fast: Any, texts: list[str]) -> list[int]:
    """Tokens of each text."""
    return [len(encoding.ids) for encoding in fast.encode_batch_fast(texts, add_special_tokens=False)]


def again(base: Path, folder: Path, seed: int, pieces: int, out: Path) -> None:
    """An extension alone, for a process that is measured: texts are read as they are asked for."""
    kept = (text for number, text in enumerate(texts_of(folder, "finance")) if number % HELD != seed % HELD)
    extend(base, kept, pieces, out)


def rows(folder: Path, seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """A row for each number of pieces."""
    from tokenizers import Tokenizer

    (domain, held_domain), (general, held_general) = (divided(folder, part, seed) for part in ("finance", "general"))
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        (root / "base").mkdir()
        before = trained(general, BASE)
        before.save(str(root / "base" / "tokenizer.json"))
        base = {"domain": lengths(before, held_domain), "general": lengths(before, held_general)}
        facts: dict[int, dict[str, Any]] = {}
        cores: dict[int, list[float]] = {pieces: [] for pieces in SIZES}

        def way(pieces: int) -> None:
            begin = process_time()
            facts[pieces] = extend(root / "base", domain, pieces, root / str(pieces))
            cores[pieces].append(process_time() - begin)

        seconds = interleaved({str(pieces): lambda pieces=pieces: way(pieces) for pieces in SIZES}, rounds)
        share, begin = sum(map(len, general)) / sum(map(len, domain)), perf_counter()
        evenly = (text for number, text in enumerate(domain) if int((number + 1) * share) > int(number * share))
        anew = trained([*general, *evenly], BASE + min(SIZES))
        peer = {"domain": lengths(anew, held_domain), "general": lengths(anew, held_general)}
        other = {f"anew_{part}": round(sum(peer[part]) / sum(base[part]) - 1, 4) for part in base}
        other["anew_seconds"] = round(perf_counter() - begin, 1)
        for pieces, goal in SIZES.items():
            after = Tokenizer.from_file(str(root / str(pieces) / "tokenizer.json"))
            found = {"domain": lengths(after, held_domain), "general": lengths(after, held_general)}
            change = {part: sum(found[part]) / sum(base[part]) - 1 for part in base}
            worse = sum(new > old for part in base for new, old in zip(found[part], base[part], strict=True))
            took = median(seconds[str(pieces)])
            yield {
                "stage": f"extend: {pieces:,} pieces", "ratio": None, "spread": None, "goal": goal,
                "domain": round(change["domain"], 4), "general": round(change["general"], 4), "worse_documents": worse,
                "documents": len(held_domain) + len(held_general), **facts[pieces],
                "seconds": round(took, 2), "core_seconds": round(median(cores[pieces][1:]), 2),
                **(other if pieces == min(SIZES) else {}),
                "resident_mb": resident(again, root / "base", folder, seed, pieces, root / "alone"),
                "passed": worse == 0 and took <= goal["seconds"] and all(change[each] <= goal[each] for each in change),
            }  # fmt: skip

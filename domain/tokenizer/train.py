"""Fit the tokenizer: a byte-level BPE on a stated blend of general and domain text, or the base's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from domain.artifacts import Corpus, Tokenizer
from domain.errors import Refusal
from domain.machine import Machine
from domain.model.weights import given_files, weights_asked
from domain.spec import Bytes, Count, Share, Spec
from domain.stage import stage
from domain.tokenizer.measure import bytes_per_token

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
SMALLEST = 256 + 3  # every byte and the three special tokens


class Fitting(Spec):
    """What tokenizer to make."""

    mode: Annotated[Literal["keep", "train"], Field(description="keep the base's tokenizer, or train a new one")] = (
        "train"
    )
    pieces: Annotated[Count, Field(description="vocabulary size, special tokens included (train)")] = 32_768
    domain: Annotated[Share, Field(description="share of domain text, by bytes, in what is fitted on (train)")] = 0.5
    sample: Annotated[Bytes, Field(description="text that is fitted on at most (train)")] = 20_000_000
    base: Annotated[str, Field(description="whose tokenizer to keep: the recipe's base fills this in")] = ""

    @model_validator(mode="after")
    def _possible(self) -> Fitting:
        if self.mode == "train" and self.pieces < SMALLEST:
            raise ValueError(f"pieces is {self.pieces}; every byte needs a piece, so ask for at least {SMALLEST}")
        return self

    def asked(self) -> dict[str, Any]:
        """``keep`` depends on the base's files alone, ``train`` on the numbers alone."""
        if self.mode == "keep":
            return {"mode": "keep", "base": weights_asked(self.base)}
        return self.model_dump(mode="json", exclude={"base"})


@stage("fit", makes=Tokenizer, version=1)
def fit(spec: Fitting, corpus: Corpus, *, out: Path, machine: Machine) -> dict[str, Any]:
    """Corpus -> Tokenizer in the transformers layout.

    facts: ``size`` (pieces) and ``bytes_per_token`` on validation text by part (UTF-8 bytes over tokens).
    """
    if spec.mode == "keep":
        files = [path for path in given_files(spec.base) if path.name in TOKENIZER_FILES]
        for path in files:
            shutil.copyfile(path, out / path.name)
        if not (out / "tokenizer.json").exists():
            raise Refusal("base", f"{spec.base} has no tokenizer.json to keep", "set tokenizer.mode to train")
    else:
        train_bpe(blend(corpus, spec.domain, spec.sample), spec.pieces, out)
    return bytes_per_token(out, corpus)


def blend(corpus: Corpus, share: float, sample: int) -> Iterator[str]:
    """Train texts until ``sample`` UTF-8 bytes, a ``share`` of them domain; spread evenly over each part.

    Where a part holds less than its due, all of it is taken and the other part keeps the ratio.
    """
    held = {part: corpus.facts["splits"]["train"].get(part, {}).get("bytes", 0) for part in ("domain", "general")}
    shares = {"domain": share, "general": 1.0 - share}
    total = min([sample, *(held[part] / shares[part] for part in held if shares[part] > 0)])
    for part, have in held.items():
        budget = total * shares[part]
        seen = taken = 0
        for document in corpus.documents("train", part):
            size = len(document["text"].encode())
            seen += size
            # Taking a document whenever the even line through the part is ahead of what was taken
            # samples the whole part, not only its first sources.
            if have and taken + size / 2 <= budget * seen / have:
                taken += size
                yield document["text"]


def train_bpe(texts: Iterator[str], pieces: int, out: Path) -> None:
    """Byte-level BPE (arXiv 1508.07909; bytes as in GPT-2): every text round-trips. Digits stand alone."""
    from tokenizers import Tokenizer as Fast
    from tokenizers import decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces,
        special_tokens=[BEGIN, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(texts, trainer)
    if fast.get_vocab_size() < pieces:
        raise Refusal(
            "tokenizer.pieces",
            f"the text supports {fast.get_vocab_size():,} pieces, not {pieces:,}",
            "ask for fewer pieces or give more text",
        )
    speaker = PreTrainedTokenizerFast(
        tokenizer_object=fast, bos_token=BEGIN, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    speaker.save_pretrained(out)


def pieces_of(folder: Path) -> int:
    """Pieces of the tokenizer in ``folder``, added tokens included, without loading it."""
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    ids = {token["id"] for token in content["added_tokens"]}
    vocabulary = content["model"]["vocab"]
    ids |= set(vocabulary.values()) if isinstance(vocabulary, dict) else set(range(len(vocabulary)))
    return len(ids)

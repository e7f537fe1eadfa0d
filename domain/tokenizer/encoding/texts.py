"""Load a tokenizer and encode texts with it, by the fast path where the tokenizer has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from domain.errors import UserError
from domain.machine import available_cores
from domain.pretrained.folder import opening
from domain.tokenizer.encoding.fast import Fast, Unproved, plain
from domain.tokenizer.encoding.tokenizer_file import MOST_IDS, check_tokenizer

if TYPE_CHECKING:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

T = TypeVar("T")

EACH = 1 << 16  # characters for a thread at a time
WORTH = 1_000_000  # characters: to prove the fast path takes about as long as to encode these without it
FAST_PATH_SAMPLE = 20, 10_000  # texts on which the fast path is checked, and characters of each


class EncoderCache:
    """What is remembered of a tokenizer: how many characters it was given, and its fast path once that is worth it."""

    def __init__(self, pieces: int) -> None:
        self.pieces, self.characters = pieces, 0
        self.fast: Fast | None = None
        self.why = ""  # there is no fast path, if it was looked for

    def prove(self, backend: tokenizers.Tokenizer, sample: Sequence[str]) -> Fast | None:
        """The fast path, proved now if it was not before."""
        if self.fast is None and not self.why:
            try:
                self.fast = Fast(backend, sample)
            except Unproved as reason:
                self.why = str(reason)
        return self.fast


CACHES: WeakKeyDictionary[PreTrainedTokenizerFast, EncoderCache] = WeakKeyDictionary()


def cache_of(tokenizer: PreTrainedTokenizerFast) -> EncoderCache:
    """What is remembered of ``tokenizer``; nothing once it was given other tokens."""
    cache = CACHES.get(tokenizer)
    if cache is None or cache.pieces != len(tokenizer):
        cache = CACHES[tokenizer] = EncoderCache(len(tokenizer))
    return cache


def frame(tokenizer: PreTrainedTokenizerFast) -> tuple[int, int]:
    """The ids that open and close a document; one token does both where a tokenizer has only one (GPT-2)."""
    begin = first(tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id)
    end = first(tokenizer.eos_token_id, tokenizer.sep_token_id, tokenizer.bos_token_id)
    if begin is None or end is None:
        place = tokenizer.name_or_path or "tokenizer"
        raise UserError(place, "has no token that begins or ends a text", "use a base whose tokenizer has one")
    return begin, end


def first(*ids: int | None) -> int | None:
    """The first id that is not None; 0 is an id like any other."""
    return next((i for i in ids if i is not None), None)


def encode_texts(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[np.ndarray]:
    """The int32 ids of each text, without begin and end; on all cores.

    Special tokens that stand literally in a text ("<|end|>" in documentation about tokenizers) are
    encoded as the characters they are: only ``frame`` opens and closes a document. A lone surrogate is
    encoded as U+FFFD.
    """
    texts = [valid(text) for text in texts]
    cache = cache_of(tokenizer)
    cache.characters += sum(map(len, texts))
    if cache.characters < WORTH:
        return plain(tokenizer.backend_tokenizer, texts)
    fast = cache.prove(
        tokenizer.backend_tokenizer, [text[: FAST_PATH_SAMPLE[1]] for text in texts[: FAST_PATH_SAMPLE[0]]]
    )
    if fast is None:
        return plain(tokenizer.backend_tokenizer, texts)
    with ThreadPoolExecutor(available_cores()) as pool:
        return [ids for some in pool.map(fast.all, batched(texts, EACH, len)) for ids in some]


def valid(text: str) -> str:
    """``text`` with each lone surrogate, which no UTF-8 can hold, as U+FFFD; a pair of them becomes its character."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The fast tokenizer in ``folder``; nothing is downloaded and no code of the folder is run."""
    from transformers import AutoTokenizer

    with opening(folder, str(folder), "holds no tokenizer that opens", "name a folder with tokenizer.json") as copy:
        if (folder / "tokenizer.json").is_file():
            check_tokenizer(folder / "tokenizer.json", str(folder))
        tokenizer = AutoTokenizer.from_pretrained(copy, local_files_only=True, trust_remote_code=False)
        _ = tokenizer.all_special_ids  # of which one that is in no vocabulary recurses without an end
    length = tokenizer.model_max_length
    if type(length) not in (int, float) or not length >= 1:
        raise UserError(
            str(folder), f"states a model_max_length of {str(length)[:40]}", "correct tokenizer_config.json"
        )
    if not tokenizer.is_fast:
        raise UserError(str(folder), "holds a slow tokenizer only", "convert it to tokenizer.json first")
    if (last := max(tokenizer.get_vocab().values(), default=0)) >= MOST_IDS:
        raise UserError(str(folder), f"has the id {last:,}, more than {MOST_IDS:,}", "choose another tokenizer")
    tokenizer.name_or_path = str(folder)
    # A tokenizer.json may say that texts are cut to a length or merged at random (BPE-dropout, arXiv 1910.13267); a
    # document is encoded whole, and alike each time.
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    if getattr(tokenizer.backend_tokenizer.model, "dropout", None):
        tokenizer.backend_tokenizer.model.dropout = None
    return tokenizer


def batched(items: Iterable[T], limit: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """``items`` in lists of about ``limit`` in all, each item being of a ``size``."""
    batch, filled = list[T](), 0
    for item in items:
        batch.append(item)
        filled += size(item)
        if filled >= limit:
            yield batch
            batch, filled = [], 0
    if batch:
        yield batch

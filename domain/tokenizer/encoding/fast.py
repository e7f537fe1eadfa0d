"""The fast path: tiktoken with the tokenizer's own vocabulary, checked to give the same ids."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from domain.tokenizer.encoding.control_tokens import ControlTokens, makes_control_tokens
from domain.tokenizer.encoding.patterns import pattern_of, told_apart
from domain.tokenizer.encoding.ranks import ranked
from domain.tokenizer.encoding.tokenizer_file import encoding_errors

if TYPE_CHECKING:
    import tokenizers

# Every kind of character that a known pattern tells apart, and some that look like another kind.
CHARACTER_KINDS = " \n\r\t\xa0aSs'1\u00bd!\ud55c\u0301\u017f"
HARD_TEXTS = (
    "", "na\u00efve caf\u00e9", "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab", "e\u0301\u0323 \u0e33 \u0915\u094d\u0937",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1f0\U0001f1f7 \u2764\ufe0f", "\x00\x01\t\r\n\x7f\x85\u2028",
    "I'll they'RE it'\u017f 'S 't", "3.14159 1,000,000 \u0663\u0664 \u00b2\u2075 \u2167", "<|end|><|begin|></s>[MASK]",
    "x" * 5_000, " " * 5_000 + "x", "\n" * 5_000, "7" * 5_000, "=" * 5_000, "\ud55c" * 2_000, " a" * 2_000,
    "".join(map(chr, range(0x180))), "".join(map(chr, range(0x2000, 0x2100))), "\ufeff\u200b\ufffd\U000e0001",
)  # fmt: skip


ONE_AT_A_TIME = threading.Lock()  # for the setting that ``plain`` changes; it is on all cores anyway


class Fast:
    """Text to ids by tiktoken; ``check`` has shown it equal to ``backend``, a fast tokenizer's Rust half."""

    def __init__(self, backend: tokenizers.Tokenizer, sample: Sequence[str] = ()) -> None:
        """Checked on hard texts and on the ``sample`` too. Raises ``Unproved`` with a reason where ids might differ."""
        try:
            import tiktoken
        except ImportError:
            raise Unproved("tiktoken is not installed") from None

        content = json.loads(backend.to_str())
        if content["truncation"] or content["padding"]:
            raise Unproved("it truncates or pads texts")
        if content["normalizer"] not in (None, {"type": "NFC"}):
            raise Unproved("its normalizer alters text")
        pattern = pattern_of(content["pre_tokenizer"])
        if pattern is None or not told_apart(pattern):
            raise Unproved("its pre-tokenizer is not supported")
        ranking = ranked(content["model"])
        if isinstance(ranking, str):
            raise Unproved(ranking)
        ranks, ids = ranking
        if makes_control_tokens(backend, ids.tolist()):
            raise Unproved("its merges make a special token")
        self.ids = ids.astype(np.int32)
        self.widths = np.array([len(piece) for piece in ranks], dtype=np.int64)
        self.backend, self.normalizer = backend, backend.normalizer
        # Without any special token tiktoken looks for the empty one at each byte, which takes half of its time.
        self.core = tiktoken.Encoding(
            "fast", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"\x00none such\x00": len(ranks)}
        )
        own = [token["content"] for token in content["added_tokens"] if not token["special"]]
        self.added = [token for token in own if not any(other in token for other in own if other != token)]
        self.check([*HARD_TEXTS, *hard_texts(), *sample])

    def encode(self, text: str) -> np.ndarray | None:
        """The ids of ``text``, int32 [tokens]; None where the tokenizer itself has to be asked.

        That is where an added token stands in the text, or tiktoken gives up (on a megabyte of spaces, say).
        """
        if self.added and any(token in text for token in self.added):
            return None
        size = len(text)
        if not text.isascii():
            if self.normalizer is not None:
                text = self.normalizer.normalize_str(text)
                if self.added and any(token in text for token in self.added):
                    return None
            size = len(text.encode())
        try:
            ranks = self.core.encode_to_numpy(text, disallowed_special=())
        except ValueError:  # its regular expressions stop after a million steps back
            return None
        if int(self.widths[ranks].sum()) != size:  # a text of which nothing is left out has as many bytes as its pieces
            return None
        ids: np.ndarray = self.ids[ranks]
        return ids

    def all(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, int32 [tokens]."""
        encoded = [self.encode(text) for text in texts]
        return [
            plain(self.backend, [text])[0] if ids is None else ids for text, ids in zip(texts, encoded, strict=True)
        ]

    def check(self, texts: Sequence[str]) -> None:
        """Compare with the tokenizer itself, text by text; raises ``Unproved`` at the first that differs."""
        for text, theirs in zip(texts, plain(self.backend, texts), strict=True):
            ours = self.encode(text)
            if ours is not None and not np.array_equal(ours, theirs):
                raise Unproved(f"its ids differ on {text[:40]!r}")


class Unproved(Exception):
    """Why a tokenizer has no fast path."""


def plain(backend: tokenizers.Tokenizer, texts: Iterable[str]) -> list[np.ndarray]:
    """The int32 ids by the tokenizer itself, on all cores; special tokens in a text are characters."""
    with ONE_AT_A_TIME:
        literal, backend.encode_special_tokens = backend.encode_special_tokens, True
        try:
            texts, control = list(texts), ControlTokens(backend)
            with encoding_errors("tokenizer"):
                encodings = backend.encode_batch_fast(texts, add_special_tokens=False)
            ids = [np.asarray(encoding.ids, dtype=np.int32) for encoding in encodings]
            return [control.as_characters(text, each) for text, each in zip(texts, ids, strict=True)]
        finally:
            backend.encode_special_tokens = literal


@lru_cache(maxsize=1)
def hard_texts() -> list[str]:
    """All texts of up to three characters of ``CHARACTER_KINDS``, and 500 of twelve."""
    chance = random.Random(0)  # noqa: S311 - the same texts each time
    short = ["".join(text) for length in (1, 2, 3) for text in product(CHARACTER_KINDS, repeat=length)]
    return short + ["".join(chance.choices(CHARACTER_KINDS, k=12)) for _ in range(500)]

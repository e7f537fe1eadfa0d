"""Train a byte-level BPE or Unigram tokenizer that reproduces every text exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from domain.errors import UserError
from domain.tokenizer.unigram import learn_unigram

if TYPE_CHECKING:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

Model = Literal["bpe", "unigram"]
Digits = Literal["alone", "groups", "free"]
ObjectiveName = Literal["causal", "masked", "span", "denoising"]

BEGIN, END, PAD, MASK = "<|begin|>", "<|end|>", "<|pad|>", "<|mask|>"
SENTINELS = tuple(f"<extra_id_{number}>" for number in range(100))  # as T5 has them (arXiv 1910.10683)
BYTES = 256

NUMBERS = {"alone": r"\p{N}", "groups": r"\p{N}{1,3}", "free": r"\p{N}+"}
# Llama 3's pattern (that of tiktoken's cl100k), which takes 2% fewer tokens for English than GPT-2's. A space that
# precedes a number, and no word, is a piece of its own.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|NUMBERS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# BloombergGPT's [ A-Za-z]+|[0-9]|[^A-Za-z0-9]+ (arXiv 2303.17564, section 3.2), with the letters of every script.
CLAUSES = r"[ \p{L}\p{M}]+|NUMBERS|[^\p{L}\p{M}\p{N}]+"


def special_tokens(objective: ObjectiveName) -> tuple[str, ...]:
    """The special tokens of an objective, ids from 0; T5's sentinels are apart and come last."""
    return (BEGIN, END, PAD, MASK) if objective in ("masked", "denoising") else (BEGIN, END, PAD)


def smallest(objective: ObjectiveName) -> int:
    """The smallest vocabulary: every byte and the special tokens."""
    return BYTES + len(special_tokens(objective)) + (len(SENTINELS) if objective == "span" else 0)


def train(
    texts: Iterator[str],
    *,
    model: Model = "bpe",
    pieces: int,
    digits: Digits = "alone",
    multiword: bool = False,
    objective: ObjectiveName = "causal",
    out: Path,
) -> None:
    """Write a tokenizer of ``pieces`` ids, special tokens included, in the transformers layout.

    bpe: arXiv 1508.07909, by the trainer of ``tokenizers``. unigram: arXiv 1804.10959, see ``unigram``. Both work on
    bytes spelled in GPT-2's alphabet. All 256 are pieces, so any text comes back exactly and none has an unknown token;
    a fallback to <0xNN> behind a vocabulary of characters would lose the difference between " " and U+2581.
    multiword: spaces stand inside of pieces, and a piece may be a phrase. Texts are read once, and words are counted,
    not kept; what lies between two punctuation marks hardly ever occurs twice, so ``multiword`` keeps nearly all.

    Raises ``UserError`` where the text supports fewer pieces: a BPE piece occurs at least twice.
    """
    learned = pieces - (len(SENTINELS) if objective == "span" else 0)
    words, special = splitter(digits, multiword=multiword), special_tokens(objective)
    if model == "bpe":
        fast = learn_bpe(texts, words, learned, special)
    else:
        fast = learn_unigram(texts, words, learned, special, multiword=multiword)
    if fast.get_vocab_size() < learned:
        limit = fast.get_vocab_size() + pieces - learned
        raise UserError(
            "tokenizer.vocab_size",
            f"the text supports {limit:,} pieces, not {pieces:,}",
            "ask for fewer pieces or give more text",
        )
    dressed(fast, objective).save_pretrained(out)


def splitter(digits: Digits, *, multiword: bool) -> tokenizers.pre_tokenizers.PreTokenizer:
    """The pre-tokenizer: words, or BloombergGPT's clauses, then their bytes."""
    from tokenizers import Regex, pre_tokenizers

    pattern = word_pattern(digits, multiword=multiword)
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def word_pattern(digits: Digits, *, multiword: bool) -> str:
    """The regular expression that cuts text into words, or into BloombergGPT's clauses."""
    return (CLAUSES if multiword else WORDS).replace("NUMBERS", NUMBERS[digits])


def learn_bpe(
    texts: Iterator[str], pre_tokenizer: tokenizers.pre_tokenizers.PreTokenizer, pieces: int, special: tuple[str, ...]
) -> tokenizers.Tokenizer:
    """A byte-level BPE with at most this many ids."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer, fast.decoder = pre_tokenizer, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces,
        min_frequency=2,  # a pair that occurs once says nothing of the next text
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(texts, trainer)
    return fast


def dressed(fast: tokenizers.Tokenizer, objective: ObjectiveName) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers opens it, with the special tokens where the models of an objective expect them.

    masked and denoising: begin and end are also [CLS] and [SEP], as in RoBERTa and BART. span: a text ends with end,
    and ``<extra_id_0>`` is the last id, as in T5.
    """
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    ids = [(token, fast.token_to_id(token)) for token in (BEGIN, END)]
    more: dict[str, Any] = {}
    if objective in ("masked", "denoising"):
        fast.post_processor = TemplateProcessing(
            single=f"{BEGIN} $A {END}", pair=f"{BEGIN} $A {END} $B:1 {END}:1", special_tokens=ids
        )
        more = {"cls_token": BEGIN, "sep_token": END, "mask_token": MASK}
    elif objective == "span":
        fast.add_special_tokens(list(reversed(SENTINELS)))
        fast.post_processor = TemplateProcessing(
            single=f"$A {END}", pair=f"$A {END} $B:1 {END}:1", special_tokens=ids[1:]
        )
        more = {"extra_special_tokens": list(SENTINELS)}
    return PreTrainedTokenizerFast(
        tokenizer_object=fast,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        **more,
    )

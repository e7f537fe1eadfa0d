"""Control tokens that are written in a text are characters, whatever the kind of tokenizer."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from domain.tokenizer.encoding.control_tokens import ControlTokens
from domain.tokenizer.encoding.fast import Fast, Unproved, plain
from domain.tokenizer.encoding.texts import encode_texts, load_tokenizer
from domain.tokenizer.files import copy_tokenizer

NAMES = ["<unk>", "<s>", "</s>", "<pad>", "[MASK]", "<|endoftext|>", "<extra_id_0>"]
LETTERS = "abcdefghijklmnopqrstuvwxyzTWMASK<>/[]|_0129."
TEXTS = [
    "the end </s> of", "a</s>b", "</s>", "[MASK] and <pad>", "<extra_id_0>", "</s></s><s>", "a <|endoftext|> b",
    "what <unk> is",
]  # fmt: skip


def unigram(pre_tokenizer: pre_tokenizers.PreTokenizer, *, of_bytes: bool = True) -> Tokenizer:
    """A Unigram model whose trie has the control tokens, as SentencePiece's conversions have them."""
    bytes_ = [(f"<0x{value:02X}>", -9.0) for value in range(256)] if of_bytes else []
    pieces = [(name, 0.0) for name in NAMES] + [("\u2581", -2.0), *((c, -5.0) for c in LETTERS), *bytes_]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=of_bytes))
    backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return backend


def words(*, ignore_merges: bool) -> Tokenizer:
    """A byte-level BPE whose words end at spaces alone."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, special_tokens=NAMES, show_progress=False)
    backend.train_from_iterator(["the tenant pays the rent"] * 9, trainer)
    content = json.loads(backend.to_str())
    content["model"]["ignore_merges"] = ignore_merges
    split = {"type": "Split", "pattern": {"Regex": r"\S+|\s+"}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, level]}
    return Tokenizer.from_str(json.dumps(content))


def word_pieces() -> Tokenizer:
    """A WordPiece model that splits at spaces alone."""
    vocabulary = [*NAMES, *LETTERS, *(f"##{c}" for c in LETTERS)]
    model = models.WordPiece({piece: number for number, piece in enumerate(vocabulary)}, unk_token="<unk>")
    backend = Tokenizer(model)
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.WhitespaceSplit(), decoders.WordPiece(cleanup=False)
    return backend


def wrapped(backend: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        mask_token="[MASK]", additional_special_tokens=["<|endoftext|>", "<extra_id_0>"],
    )  # fmt: skip


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "unigram": lambda: unigram(pre_tokenizers.Metaspace()),
    "unigram in words": lambda: unigram(
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    ),
    "unigram without bytes": lambda: unigram(pre_tokenizers.Metaspace(), of_bytes=False),
    "bpe": lambda: words(ignore_merges=False),
    "bpe of whole words": lambda: words(ignore_merges=True),
    "wordpiece": word_pieces,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_control_token_in_a_text_is_its_characters(kind: str, text: str) -> None:
    tokenizer = wrapped(KINDS[kind]())
    ids = encode_texts(tokenizer, [text, "a plain text"])[0].tolist()
    assert not set(ids) & set(tokenizer.all_special_ids)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_one_that_normalization_makes() -> None:
    backend = unigram(pre_tokenizers.Metaspace())
    backend.normalizer = normalizers.NFKC()
    tokenizer = wrapped(backend)
    ids = encode_texts(tokenizer, ["a\uff1c/s\uff1e b \uff1cunk\uff1e"])[0].tolist()  # full width
    assert not set(ids) & set(tokenizer.all_special_ids)
    assert tokenizer.decode(ids) == "a</s> b <unk>"


def test_a_byte_that_is_written_out_is_no_byte() -> None:
    tokenizer = wrapped(unigram(pre_tokenizers.Metaspace()))
    text = "<0x0A> \u00e9 <0xC3><0xA9>"
    ids = encode_texts(tokenizer, [text])[0]
    assert tokenizer.decode(ids.tolist()) == text
    byte = tokenizer.convert_tokens_to_ids("<0xC3>")
    assert ids.tolist().count(byte) == 1  # of the accented letter, which the vocabulary lacks


def test_what_the_vocabulary_lacks_stays_unknown() -> None:
    tokenizer = wrapped(unigram(pre_tokenizers.Metaspace(), of_bytes=False))
    unknown = tokenizer.unk_token_id
    assert encode_texts(tokenizer, ["a \u00e9"])[0].tolist().count(unknown) == 1
    assert encode_texts(tokenizer, ["<unk> \u00e9"])[0].tolist().count(unknown) == 1


def test_a_text_without_control_tokens_keeps_its_ids() -> None:
    for make in KINDS.values():
        tokenizer = wrapped(make())
        theirs = tokenizer("the tenant pays", add_special_tokens=False)["input_ids"]
        assert encode_texts(tokenizer, ["the tenant pays"])[0].tolist() == theirs


def test_no_fast_path_where_merges_make_a_special_token() -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(["eos eos eos"] * 9, trainer)
    assert Fast(backend).encode("eos") is not None
    backend.add_special_tokens(["eos"])
    with pytest.raises(Unproved, match="merges make a special token"):
        Fast(backend)
    ids = plain(backend, ["eos"])[0]
    assert [backend.id_to_token(number) for number in ids.tolist()] == ["e", "o", "s"]


def test_a_special_token_of_one_character_is_unknown() -> None:
    pieces = [("<unk>", 0.0), ("\u00a4", -1.0), ("a", -2.0)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0))
    backend.add_special_tokens(["\u00a4"])
    control = ControlTokens(backend)
    assert control.as_characters("a\u00a4", np.array([2, 1], dtype=np.int32)).tolist() == [2, 0]


@pytest.fixture
def dropping(tmp_path: Path) -> Path:
    """A base whose tokenizer leaves out one merge in two, as it was trained."""
    tokenizer = wrapped(words(ignore_merges=False))
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    content["model"]["dropout"] = 0.5
    tokenizer.save_pretrained(tmp_path / "base")
    (tmp_path / "base" / "tokenizer.json").write_text(json.dumps(content))
    return tmp_path / "base"


def test_bpe_dropout_is_off_wherever_a_text_is_encoded(dropping: Path, tmp_path: Path) -> None:
    text = "the tenant pays the rent " * 20
    tokenizer = load_tokenizer(dropping)
    first = encode_texts(tokenizer, [text])[0].tolist()
    assert all(encode_texts(tokenizer, [text])[0].tolist() == first for _ in range(5))
    (tmp_path / "copy").mkdir()
    copy_tokenizer(dropping, tmp_path / "copy")
    theirs = PreTrainedTokenizerFast.from_pretrained(tmp_path / "copy")  # as whoever downloads a release opens it
    assert all(theirs(text, add_special_tokens=False)["input_ids"] == first for _ in range(5))

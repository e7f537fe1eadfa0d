"""Small tokenizers of every kind that can be extended, in the transformers layout, made in a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GENERAL = [
    "The old man walked slowly along the river and looked at the water, which was cold and grey that morning.",
    "She said that it wasn't easy to find the house; there were 12 of them, built in 1907 or 1911.",
    "  In the garden\n\tthe children were playing (and shouting) under the trees. \"Don't!\" he cried: it's late...",
] * 8  # fmt: skip
DOMAIN = [
    "Net interest income rose 4.5% to $1,234 million, and the company declared a quarterly dividend of €0.35 a share.",
    "The Federal Reserve's monetary policy: inflation expectations, interest rates & the company's quarterly earnings.",
    "  ----------  interest income  €1.20  €3.40 ½ quarterly net income 2007 2008 금리 인상 금리\n\n",
] * 8
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level(pre_tokenizer: Any, size: int = 330) -> Any:
    """A byte-level BPE trained on the general text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    fast = Tokenizer(models.BPE())
    fast.pre_tokenizer, fast.decoder = pre_tokenizer, decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    fast.train_from_iterator(
        GENERAL, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    return fast


def gpt2() -> Any:
    from tokenizers import pre_tokenizers

    fast = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    fast.add_special_tokens(["<|endoftext|>"])
    return fast


def llama3(ignore_merges: bool = True) -> Any:
    """Whole words go before merges, and special tokens stand behind the pieces, not among them."""
    from tokenizers import Regex, Tokenizer, pre_tokenizers

    words = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    fast = byte_level(pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(False, use_regex=False)]))
    content = json.loads(fast.to_str())
    content["model"]["ignore_merges"] = ignore_merges
    fast = Tokenizer.from_str(json.dumps(content))
    fast.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"])
    return fast


def qwen() -> Any:
    from tokenizers import Regex, normalizers, pre_tokenizers

    words = pre_tokenizers.Split(Regex(LLAMA3.replace("{1,3}", "")), "isolated")
    fast = byte_level(pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(False, use_regex=False)]))
    fast.normalizer = normalizers.NFC()
    fast.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return fast


def llama2() -> Any:
    """As SentencePiece makes it: digits alone, spaces as ▁, what is unknown in bytes, no pre-tokenizer."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    trained = Tokenizer(models.BPE())
    kinds = [pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Punctuation()]
    trained.pre_tokenizer = pre_tokenizers.Sequence(kinds)
    lines = [text.replace("\n", " ").replace("\t", " ") for text in GENERAL]  # no newline is ever within a piece
    trained.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=110, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    learned = sorted(model["vocab"], key=model["vocab"].__getitem__)
    pieces = ["<unk>", "<s>", "</s>", *BYTES, *learned]
    fast = Tokenizer(
        models.BPE(
            vocab={piece: number for number, piece in enumerate(pieces)},
            merges=[tuple(pair) for pair in model["merges"]],
            unk_token="<unk>", fuse_unk=True, byte_fallback=True,
        )
    )  # fmt: skip
    fast.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    fast.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    fast.add_special_tokens(["<unk>", "<s>", "</s>"])
    return fast


def unigram(special: list[str], *, byte_fallback: bool = False) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    fast = Tokenizer(models.Unigram())
    fast.normalizer = normalizers.NFKC()
    fast.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    fast.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    fast.train_from_iterator(GENERAL, trainer)
    if byte_fallback:
        content = json.loads(fast.to_str())
        content["model"]["vocab"] += [[byte, -20.0] for byte in BYTES]
        content["model"]["byte_fallback"] = True
        fast = Tokenizer.from_str(json.dumps(content))
        fast.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return fast


def t5() -> Any:
    """Its sentinels follow the pieces and are none of them."""
    fast = unigram(["<pad>", "</s>", "<unk>"])
    fast.add_special_tokens([f"<extra_id_{number}>" for number in reversed(range(100))])
    return fast


def t5_listed() -> Any:
    """Its sentinels are among the pieces, with score 0, as in the file on the hub."""
    from tokenizers import Tokenizer

    fast = t5()
    content = json.loads(fast.to_str())
    content["model"]["vocab"] += [[f"<extra_id_{number}>", 0.0] for number in reversed(range(100))]
    return Tokenizer.from_str(json.dumps(content))


def xlmr() -> Any:
    """Its mask is the last piece."""
    from tokenizers import Tokenizer

    fast = unigram(["<s>", "<pad>", "</s>", "<unk>"])
    content = json.loads(fast.to_str())
    content["model"]["vocab"].append(["<mask>", 0.0])
    fast = Tokenizer.from_str(json.dumps(content))
    fast.add_special_tokens(["<mask>"])
    return fast


END = {"eos_token": "</s>", "unk_token": "<unk>"}
BASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "gpt2": (gpt2, {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>"}),
    "gpt2, any class": (gpt2, {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}),
    "llama3": (llama3, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>"}),
    "qwen": (qwen, {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>"}),
    "llama2": (llama2, {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", **END}),
    "llama2, any class": (llama2, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", **END}),
    "t5": (t5, {"tokenizer_class": "T5Tokenizer", "pad_token": "<pad>", "extra_ids": 100, **END}),
    "t5, any class": (t5, {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", **END}),
    "t5, listed": (t5_listed, {"tokenizer_class": "T5Tokenizer", "pad_token": "<pad>", "extra_ids": 100, **END}),
    "xlmr": (xlmr, {"tokenizer_class": "XLMRobertaTokenizer", "mask_token": "<mask>", **END}),
    "unigram in bytes": (
        lambda: unigram(["<pad>", "</s>", "<unk>"], byte_fallback=True),
        {"tokenizer_class": "PreTrainedTokenizerFast", **END},
    ),
}  # fmt: skip


def written(name: str, folder: Path) -> Path:
    """The base of this name as files."""
    make, config = BASES[name]
    folder.mkdir(parents=True, exist_ok=True)
    make().save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    return folder


def lengths(tokenizer: Any, texts: list[str]) -> Iterator[int]:
    """Tokens of each text, without special ones around it."""
    for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
        yield len(encoding.ids)

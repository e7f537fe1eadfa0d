"""Extend a tokenizer with new pieces: old ids stay, and no text takes more tokens than before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.errors import UserError
from domain.pretrained.folder import checked_copy
from domain.tokenizer.counts import count_words
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.extension.join_rules import borders
from domain.tokenizer.extension.merges import learn
from domain.tokenizer.extension.segments import BYTE_PIECE, cut_words, segmented, symbols_of
from domain.tokenizer.extension.tokenizer_json import add_merges, add_scores, place_added
from domain.tokenizer.files import SLOW_FILES
from domain.tokenizer.splitting import byte_level, splits

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# What lies beside tokenizer.json and stays right. Not vocab.json, merges.txt or tokenizer.model: they hold old pieces.
BESIDE = (
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "chat_template.json", "additional_chat_templates",
)  # fmt: skip
SPARE = 2  # of as many learned, a Unigram base gets the better half: 1 point fewer tokens than the first half
MENDS = "set tokenizer.mode to keep or train"
# Texts that break tokenizers: what is written is tried on them.
HARD = (
    "", " ", "Net income rose 3.5% to $1,234.56 in 2007.", "  two  spaces\n\n\tand a tab ", "don't WON'T I'll",
    "안녕하세요 한국어", "\u1112\u1161\u11ab", "e\u0301a\u0308\u0323",
    "\U0001f469\u200d\U0001f467 \U0001f1f0\U0001f1f7",
    "\x00\x01\x7f", "ﬁ ㈱ ½", "\u200b\ufeff\u2028", "<|x|>", "▁ Ġ", "".join(map(chr, range(0x100))),
)  # fmt: skip


def extend(base: Path, texts: Iterable[str], pieces: int, out: Path) -> dict[str, Any]:
    """Write the tokenizer of ``base`` with ``pieces`` new pieces, learned on ``texts``, into the folder ``out``.

    A byte-level or SentencePiece BPE gets the merges that its training would have made next, had it gone on with
    these texts; a Unigram model gets pieces that join what it has side by side. The new ids follow the old ones.
    facts: ``kind`` ("bpe" or "unigram"), ``pieces_added``, ``words`` (distinct), ``counted_bytes`` (UTF-8).

    Raises ``UserError`` for a base without tokenizer.json, a damaged one, another kind of model, and for more pieces
    than the texts support.
    """
    tokenizer = opened(base)
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    facts = extend_content(content, texts, pieces, place=str(base))
    write(content, base, out)
    check(tokenizer, out, pieces)
    return facts


def extend_content(content: dict[str, Any], texts: Iterable[str], pieces: int, *, place: str) -> dict[str, Any]:
    """Put ``pieces`` new pieces into the content of a tokenizer.json, in place; facts and errors as ``extend``."""
    model, kind = content["model"], content["model"]["type"].lower()
    if kind not in ("bpe", "unigram") or model.get("continuing_subword_prefix"):
        raise UserError(place, f"is a {model['type']} tokenizer; only BPE and Unigram can be extended", MENDS)
    place_added(content, place)
    symbols = symbols_of(content)
    words, size = count_words(content, texts)
    spelled = byte_level(content)
    special = {token["content"] for token in content["added_tokens"]}
    ordinary = [text for text in symbols if text and text not in special and not BYTE_PIECE.fullmatch(text)]
    joins = borders(ordinary, spelled=spelled, words=spelled and splits(content))
    cut = cut_words(segmented(content, words), words.values(), symbols, joins)
    sequences, counts = [list(word) for word in cut], list(cut.values())
    learned = learn(sequences, counts, symbols, pieces if kind == "bpe" else SPARE * pieces, joins)
    if kind == "bpe":
        added = len(learned.texts)
        add_merges(content, learned, symbols + learned.texts)
    else:
        added = add_scores(content, learned, sequences, counts, pieces)
    if added < pieces:
        problem = f"the text supports {added:,} new pieces, not {pieces:,}"
        raise UserError("tokenizer.vocab_size", problem, "ask for fewer pieces or give more text")
    return {"kind": kind, "pieces_added": pieces, "words": len(words), "counted_bytes": size}


def opened(base: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in a folder, as it encodes: transformers may add tokens of its own to what the file holds."""
    if not (base / "tokenizer.json").is_file():
        slow = next((name for name in SLOW_FILES if (base / name).is_file()), None)
        if slow:
            fix = "open it in transformers and save it again, which writes tokenizer.json"
            raise UserError(str(base), f"has a slow tokenizer only ({slow}, no tokenizer.json)", fix)
        raise UserError(str(base), "has no tokenizer.json", "name a folder with one, or set tokenizer.mode to train")
    tokenizer = load_tokenizer(base)
    texts: dict[int, str] = {}
    for text, number in tokenizer.get_vocab().items():
        if texts.setdefault(number, text) != text:
            both = " and ".join(sorted((repr(text), repr(texts[number]))))
            raise UserError(str(base), f"{both} have the same id {number}", "name a tokenizer that is not damaged")
    return tokenizer


def write(content: dict[str, Any], base: Path, out: Path) -> None:
    """The tokenizer's files: its content anew, what lies beside it as it is."""
    out.mkdir(parents=True, exist_ok=True)
    with checked_copy(base, str(base)) as copy:
        for name in BESIDE:
            if (copy / name).is_dir():
                shutil.copytree(copy / name, out / name, dirs_exist_ok=True)
            elif (copy / name).is_file():
                shutil.copyfile(copy / name, out / name)
    (out / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")


def check(before: PreTrainedTokenizerFast, out: Path, pieces: int) -> None:
    """Open what was written, and hold it against the base: ids, number of pieces, tokens of hard texts."""
    after = load_tokenizer(out)
    old, new = before.get_vocab(), after.get_vocab()
    moved = [text for text, number in old.items() if new.get(text) != number]
    assert not moved, f"ids moved: {moved[:5]}"
    assert len(new) == len(old) + pieces, (len(old), len(new))
    for text in HARD:
        ids = [each(text, add_special_tokens=False)["input_ids"] for each in (before, after)]
        assert len(ids[1]) <= len(ids[0]), text
        assert before.decode(ids[0]) == after.decode(ids[1]), text

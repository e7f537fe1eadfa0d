from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserError
from domain.tokenizer.encoding.texts import encode_texts, load_tokenizer
from domain.tokenizer.extension.extend import HARD, extend, extend_content
from tests.domain.tokenizer.bases import BASES, DOMAIN, GENERAL, llama3, unigram, written

PIECES = 60
# Qwen normalizes to NFC, and Llama 2's class in transformers takes a text's first space for the one that it puts there.
LOSSLESS = ("gpt2", "gpt2, any class", "llama3", "llama2, any class")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path, dict[str, Any]]]:
    """A base and its extension, each made once."""
    held: dict[str, tuple[Path, Path, dict[str, Any]]] = {}

    def make(name: str) -> tuple[Path, Path, dict[str, Any]]:
        if name not in held:
            folder = tmp_path_factory.mktemp("extended")
            base = written(name, folder / "base")
            held[name] = base, folder / "out", extend(base, iter(DOMAIN), PIECES, folder / "out")
        return held[name]

    return make


@pytest.mark.parametrize("name", BASES)
def test_old_ids_stay_and_new_ones_follow(name: str, made: Any) -> None:
    base, out, facts = made(name)
    before, after = load_tokenizer(base), load_tokenizer(out)
    old, new = before.get_vocab(), after.get_vocab()
    assert old.items() <= new.items()
    added = sorted(number for text, number in new.items() if text not in old)
    assert added == list(range(len(old), len(old) + PIECES))
    assert len(after) == len(before) + PIECES
    assert before.all_special_tokens == after.all_special_tokens
    assert before.all_special_ids == after.all_special_ids
    size = sum(len(text.encode()) for text in DOMAIN)
    assert facts["pieces_added"] == PIECES
    assert facts["counted_bytes"] == size
    assert facts["kind"] == ("unigram" if name.startswith(("t5", "xlmr", "unigram")) else "bpe")


@pytest.mark.parametrize("name", BASES)
def test_domain_text_takes_fewer_tokens_and_hard_text_no_more(name: str, made: Any) -> None:
    base, out, _ = made(name)
    before, after = load_tokenizer(base), load_tokenizer(out)
    shorter = [len(ids) for ids in encode_texts(after, DOMAIN[:3])]
    assert sum(shorter) < 0.75 * sum(len(ids) for ids in encode_texts(before, DOMAIN[:3]))
    texts = [*HARD, *GENERAL[:3], "<|im_start|> </s>", "x" * 5000]
    for text, old, new in zip(texts, encode_texts(before, texts), encode_texts(after, texts), strict=True):
        assert len(new) <= len(old), text
        assert after.decode(new) == before.decode(old), text


@pytest.mark.parametrize("name", BASES)
def test_any_text_takes_no_more_tokens(name: str, made: Any) -> None:
    base, out, _ = made(name)
    before, after = load_tokenizer(base), load_tokenizer(out)
    words = sorted({word for text in DOMAIN + GENERAL for word in text.split(" ")})

    @settings(deadline=None, max_examples=50)
    @given(
        st.one_of(
            st.lists(st.sampled_from(words), max_size=20).map(" ".join),
            st.lists(st.sampled_from(words), max_size=8).map("".join),
            st.text(alphabet="interscom- €½.\n12금리", max_size=40),
            st.text(max_size=20),
        )
    )
    def no_more(text: str) -> None:
        (old,), (new,) = encode_texts(before, [text]), encode_texts(after, [text])
        assert len(new) <= len(old)
        assert after.decode(new) == before.decode(old)

    no_more()


@pytest.mark.parametrize("name", BASES)
def test_saved_and_opened_again_it_is_the_same(name: str, made: Any, tmp_path: Path) -> None:
    _, out, _ = made(name)
    after = load_tokenizer(out)
    after.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.get_vocab() == after.get_vocab()
    texts = [*HARD, *DOMAIN[:3]]
    assert [again(text)["input_ids"] for text in texts] == [after(text)["input_ids"] for text in texts]


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_text_comes_back(name: str, made: Any) -> None:
    _, out, _ = made(name)
    after = load_tokenizer(out)
    million = "".join(chr(0x4E00 + number * 7919 % 20000) if number % 3 else "ab" for number in range(300_000))
    begin = time.process_time()
    for text in [*HARD, *DOMAIN[:3], million]:
        whole = text.replace("▁", "_") if "llama2" in name else text  # a ▁ of the text is a space to it
        (ids,) = encode_texts(after, [whole])
        assert after.decode(ids, clean_up_tokenization_spaces=False) == whole
    assert time.process_time() - begin < 20


def test_files_beside_it_stay(made: Any) -> None:
    base, out, _ = made("gpt2")
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        assert (out / name).read_bytes() == (base / name).read_bytes()


def test_equal_text_gives_equal_bytes(made: Any, tmp_path: Path) -> None:
    for name in ("llama3", "t5"):
        base, out, _ = made(name)
        extend(base, iter(DOMAIN), PIECES, tmp_path / name)
        assert (tmp_path / name / "tokenizer.json").read_bytes() == (out / "tokenizer.json").read_bytes()


def test_the_tokenizer_does_what_was_learned() -> None:
    """New merges of a byte-level base are those that the trainer of ``tokenizers`` would find: counted anew by hand."""
    from tokenizers import Tokenizer

    fast = llama3(ignore_merges=False)
    content = json.loads(fast.to_str())
    extend_content(content, DOMAIN, 5, place="base")
    made = sorted(content["model"]["vocab"].items(), key=lambda item: item[1])[-5:]
    current = fast
    for number, (text, _) in enumerate(made):
        pairs: dict[tuple[str, str], int] = {}
        for domain in DOMAIN:
            normal = current.pre_tokenizer.pre_tokenize_str(domain)
            for word, _span in normal:
                tokens = [current.id_to_token(token.id) for token in current.model.tokenize(word)]
                for pair in pairwise(tokens):
                    pairs[pair] = pairs.get(pair, 0) + 1
        assert pairs[tuple(content["model"]["merges"][-5 + number])] == max(pairs.values())
        partial = json.loads(fast.to_str())
        partial["model"]["vocab"] |= {token["content"]: token["id"] for token in partial["added_tokens"]}
        partial["model"]["vocab"] |= dict(made[: number + 1])
        partial["model"]["merges"] += content["model"]["merges"][len(content["model"]["merges"]) - 5 :][: number + 1]
        current = Tokenizer.from_str(json.dumps(partial))
        assert current.encode(text.replace("Ġ", " "), add_special_tokens=False).tokens == [text]


def test_no_piece_crosses_a_word_or_joins_digits(made: Any) -> None:
    def new(name: str) -> list[str]:
        base, out, _ = made(name)
        old = load_tokenizer(base).get_vocab()
        return [text for text in load_tokenizer(out).get_vocab() if text not in old]

    for name in ("llama2", "t5", "xlmr", "unigram in bytes"):
        assert not [text for text in new(name) if "▁" in text[1:]]
    assert not [text for text in new("llama2") if sum(letter.isdigit() for letter in text) > 1]
    assert not [text for text in new("qwen") if sum(letter.isdigit() for letter in text) > 1]
    assert not [text for text in new("gpt2") if "Ġ" in text.lstrip("Ġ")]
    assert [text for text in new("gpt2") if text.lstrip("Ġ").isdigit()]  # GPT-2's own pieces join digits


def test_characters_that_a_base_spells_in_bytes_become_pieces(made: Any) -> None:
    for name in ("llama2", "unigram in bytes"):
        base, out, _ = made(name)
        before, after = load_tokenizer(base), load_tokenizer(out)
        assert before.convert_tokens_to_ids("€") in (None, before.unk_token_id)
        assert "€" in after.get_vocab()
        assert len(encode_texts(before, ["€"])[0]) == 4  # ▁ and three bytes
        assert len(encode_texts(after, ["€"])[0]) <= 2


SCORES = st.lists(st.integers(-6, -1), min_size=6, max_size=6)


@settings(deadline=None, max_examples=60)
@given(SCORES, st.lists(st.text(alphabet="ab", min_size=2, max_size=9), min_size=1, max_size=5))
def test_unigram_with_ties_takes_no_more_tokens(scores: list[int], texts: list[str]) -> None:
    """Whole scores tie often; every text of up to 7 letters is tried."""
    from tokenizers import Tokenizer

    pieces = ["a", "b", "ab", "ba", "aba", "bb"]
    model = {"type": "Unigram", "unk_id": 0, "byte_fallback": False}
    vocab = [["<unk>", 0.0], *([piece, float(score)] for piece, score in zip(pieces, scores, strict=True))]
    content = {"version": "1.0", "added_tokens": [], "model": {**model, "vocab": vocab}, "pre_tokenizer": None}
    before = Tokenizer.from_str(json.dumps(content))
    for wanted in (3, 2, 1):
        try:
            extend_content(content, texts * 2, wanted, place="base")
            break
        except UserError:
            content = json.loads(before.to_str())
    after = Tokenizer.from_str(json.dumps(content))
    tried = ["".join(letters) for size in range(1, 8) for letters in product("ab", repeat=size)]
    for text, old, new in zip(tried, before.encode_batch(tried), after.encode_batch(tried), strict=True):
        assert len(new.ids) <= len(old.ids), text


def test_a_new_unigram_piece_is_worth_its_parts() -> None:
    content = json.loads(unigram(["<pad>", "</s>", "<unk>"]).to_str())
    old = dict(content["model"]["vocab"])
    extend_content(content, ["interest income " * 5], 1, place="base")
    (text, score), cost = content["model"]["vocab"][-1], 2.0**-14
    from tokenizers import Tokenizer

    before = json.loads(json.dumps(content))
    before["model"]["vocab"] = [[text, score] for text, score in old.items()]
    parts = Tokenizer.from_str(json.dumps(before)).model.tokenize(text)
    assert len(parts) > 1
    assert score == pytest.approx(sum(old[part.value] for part in parts) - cost, abs=1e-9)


def test_a_real_llama(pretrained: Path, tmp_path: Path) -> None:
    data = pretrained.parent
    domain = (data / "fpb" / "Sentences_50Agree.txt").read_text(encoding="latin-1").splitlines()
    general = (data / "wikitext2" / "wiki.valid.tokens").read_text(encoding="utf-8").splitlines()
    extend(pretrained, domain[:4000], 1000, tmp_path)
    before, after = load_tokenizer(pretrained), load_tokenizer(tmp_path)
    old, new = ([len(ids) for ids in encode_texts(each, general)] for each in (before, after))
    assert all(less <= more for less, more in zip(new, old, strict=True))
    old, new = ([len(ids) for ids in encode_texts(each, domain[4000:])] for each in (before, after))
    assert sum(new) < 0.7 * sum(old)
    for text in domain[4000:4100]:
        assert after.decode(encode_texts(after, [text])[0]) == text

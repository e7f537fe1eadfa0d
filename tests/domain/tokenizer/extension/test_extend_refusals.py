"""What cannot be extended is refused in one line; what an extension must not touch stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.errors import UserError
from domain.tokenizer.extension.extend import extend, extend_content
from tests.domain.tokenizer.bases import DOMAIN, llama2, llama3, t5, written


def refused(base: Path, out: Path, pieces: int = 5) -> str:
    with pytest.raises(UserError) as refusal:
        extend(base, DOMAIN, pieces, out)
    return str(refusal.value)


def test_a_base_with_a_slow_tokenizer_only(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    assert "no tokenizer.json" in refused(tmp_path / "base", tmp_path / "out")
    (tmp_path / "base" / "tokenizer.model").write_bytes(b"spm")
    assert "slow tokenizer only (tokenizer.model" in refused(tmp_path / "base", tmp_path / "out")


def test_a_word_piece_base(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    (tmp_path / "base").mkdir()
    Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]")).save(str(tmp_path / "base" / "tokenizer.json"))
    message = refused(tmp_path / "base", tmp_path / "out")
    assert "WordPiece" in message
    assert "BPE and Unigram" in message
    assert "keep or train" in message


def test_more_pieces_than_the_text_supports(tmp_path: Path) -> None:
    for name in ("gpt2", "t5"):
        base = written(name, tmp_path / name)
        message = refused(base, tmp_path / "out", 5000)
        number = int(message.split("supports ")[1].split(" ")[0].replace(",", ""))
        assert 60 < number < 5000
        assert not (tmp_path / "out").exists()
        assert extend(base, DOMAIN, number, tmp_path / f"{name}-all")["pieces_added"] == number


@pytest.mark.parametrize("damage", ["cut", "merge", "ids"])
def test_a_damaged_base(damage: str, tmp_path: Path) -> None:
    base = written("gpt2, any class", tmp_path / "base")
    path = base / "tokenizer.json"
    content = json.loads(path.read_text())
    if damage == "merge":
        content["model"]["merges"].append(["nowhere", "to be found"])
    elif damage == "ids":
        content["model"]["vocab"]["twice"] = 7
    path.write_text(json.dumps(content)[: 5000 if damage == "cut" else None])
    assert str(base) in refused(base, tmp_path / "out")


def test_an_added_token_that_ordinary_text_would_meet(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    for make, token in ((llama3, "PAD"), (llama2, "€")):
        fast = make()
        fast.add_special_tokens([token])
        content = json.loads(Tokenizer.from_str(fast.to_str()).to_str())
        with pytest.raises(UserError, match=f"added token '{token}'"):
            extend_content(content, DOMAIN, 5, place="base")
    fast = llama3(ignore_merges=False)
    fast.add_special_tokens(["PAD"])
    extend_content(json.loads(fast.to_str()), DOMAIN, 5, place="base")


def test_sentinels_are_matched_as_tokens_and_not_as_text() -> None:
    from tokenizers import Tokenizer

    fast = t5()
    content = json.loads(fast.to_str())
    extend_content(content, DOMAIN, 5, place="base")
    after = Tokenizer.from_str(json.dumps(content))
    assert after.encode("a <extra_id_7> b").ids == fast.encode("a <extra_id_7> b").ids
    assert after.token_to_id("<extra_id_0>") == fast.token_to_id("<extra_id_0>") == fast.get_vocab_size() - 1

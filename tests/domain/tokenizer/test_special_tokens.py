from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domain.errors import UserError
from domain.tokenizer.special_tokens import SpecialTokens, parting
from tests.domain.tokenizer import bases
from tests.domain.training.objectives import made


def words(tokenizer: Any, text: str) -> list[str]:
    """The text's pieces, joined as ``starts`` says."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    found: list[str] = []
    for piece, starts in zip(tokenizer.convert_ids_to_tokens(ids), SpecialTokens(tokenizer).starts[ids], strict=True):
        if starts or not found:
            found.append("")
        found[-1] += piece.removeprefix("##")
    return found


def test_words_of_pieces() -> None:
    text = "The houses, slowly;\nWas-cold 1907."
    spaced = ["The", "Ġhouses", ",", "Ġslowly", ";", "ĊWas", "-cold", "Ġ1907", "."]
    assert words(made.roberta(), text) == spaced
    assert words(made.xlmr(), "The houses, slowly; was (cold) 1907.") == [
        "▁The", "▁houses", ",", "▁slowly", ";", "▁was", "▁", "(cold", ")", "▁1907", ".",
    ]  # fmt: skip
    alone = ["the", "houses", ",", "slowly", ";", "was", "(", "cold", ")", "1907", "."]
    assert words(made.bert(), "The houses, slowly; was (cold) 1907.") == alone


def test_parts_of_a_character_and_its_marks_go_on() -> None:
    special = SpecialTokens(made.roberta())
    for text in ("é", "हिन्दी", "금", "😀"):  # all are bytes to this tokenizer
        ids = made.roberta().encode(text, add_special_tokens=False)
        assert len(ids) > 1
        assert not special.starts[ids].any()
    assert [parting(c) for c in " \n.('€+_\u2019"] == [True] * 9
    assert [parting(c) for c in ("a", "É", "7", "\u093f", "\u0301", "\u200d", "\udcc3", "")] == [False] * 8


def test_stops() -> None:
    for tokenizer in (made.roberta(), made.xlmr(), made.bert()):
        marked = {tokenizer.convert_ids_to_tokens(int(i)) for i in np.flatnonzero(SpecialTokens(tokenizer).stops)}
        assert "." in marked
        assert not {"a", ",", ";"} & marked
    marked = {made.roberta().convert_ids_to_tokens(int(i)) for i in np.flatnonzero(SpecialTokens(made.roberta()).stops)}
    assert {".", "!", "?", "Ċ"} <= marked
    assert "Ġ" not in marked


def test_frames_and_roles() -> None:
    roberta, t5, bert = SpecialTokens(made.roberta()), SpecialTokens(made.t5()), SpecialTokens(made.bert())
    ids = made.roberta().convert_tokens_to_ids(["<s>", "</s>", "<pad>", "<mask>"])
    assert [roberta.begin, roberta.end, roberta.pad, roberta.mask] == ids
    assert t5.begin == t5.end == made.t5().convert_tokens_to_ids("</s>")
    assert [bert.begin, bert.end, bert.pad, bert.mask] == [2, 3, 0, 4]
    assert not {*ids} & {*roberta.ordinary.tolist()}
    assert len(roberta.ordinary) == len(made.roberta()) - 4


def test_padding_is_the_end_where_there_is_none_of_its_own() -> None:
    gpt2 = made.opened(bases.gpt2(), eos_token="<|endoftext|>")
    assert SpecialTokens(gpt2).pad == SpecialTokens(gpt2).end == gpt2.eos_token_id


def test_sentinels_come_in_their_own_order() -> None:
    special = SpecialTokens(made.t5())
    names = [f"<extra_id_{n}>" for n in range(100)]
    assert made.t5().convert_ids_to_tokens(special.sentinels.tolist()) == names
    assert special.sentinels[0] == len(made.t5()) - 1  # as in T5, whose first sentinel is the last id
    assert not {*special.sentinels.tolist()} & {*special.ordinary.tolist()}


def test_what_a_tokenizer_lacks_is_refused() -> None:
    with pytest.raises(UserError, match=r"no mask token.*base made for this objective"):
        _ = SpecialTokens(made.t5()).mask
    with pytest.raises(UserError, match="no sentinels <extra_id_0>"):
        _ = SpecialTokens(made.roberta()).sentinels
    lone = bases.unigram(["<pad>", "</s>", "<unk>"])
    lone.add_special_tokens(["<extra_id_0>", "<extra_id_2>"])
    with pytest.raises(UserError, match="no sentinels"):  # one alone stands for no span and its end
        _ = SpecialTokens(made.opened(lone, **bases.END)).sentinels

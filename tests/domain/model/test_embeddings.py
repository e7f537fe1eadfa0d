"""New rows against numbers worked by hand; old rows to the bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserError
from domain.model.build import load, save
from domain.model.embeddings import grow, initial_rows
from domain.tokenizer.encoding.texts import load_tokenizer
from tests.domain.model import tiny

OLD = (("\u2581", "a"), ("a", "b"))  # ids 263 and 264; the characters before them are 259 to 262
NEW = (*OLD, ("ab", "c"), ("\u2581a", "b"), ("c", "\u2581"))
# 265 abc = ab c, 266 _ab = _a b, since that merge comes first, 267 "c_" = c _
SPELT = {265: [264, 262], 266: [263, 261], 267: [262, 259]}
HELD, GROWN = 265, 320


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return (
        tiny.sentencepiece(tmp_path_factory.mktemp("old"), OLD),
        tiny.sentencepiece(tmp_path_factory.mktemp("new"), NEW),
    )


@pytest.mark.parametrize("tied", [False, True])
def test_mean_rows(folders: tuple[Path, Path], tied: bool) -> None:
    model = tiny.model(HELD, tied=tied)
    before = tiny.rows_of(model)
    facts = grow(model, *folders)
    after = tiny.rows_of(model)
    for name in ("table", "head"):
        for number, (one, other) in SPELT.items():
            assert torch.allclose(after[name][number], (before[name][one] + before[name][other]) / 2, atol=1e-6)
    assert (tiny.matrices(model)[0].weight is tiny.matrices(model)[1].weight) == tied
    assert facts == {
        "kind": "extended", "embedding_init": "mean", "pieces": 3, "parts": 2.0, "rows": GROWN, "new_rows": [265, 268],
    }  # fmt: skip


def test_weighted_rows(folders: tuple[Path, Path]) -> None:
    model = tiny.model(HELD)
    before = tiny.rows_of(model)
    grow(model, *folders, embedding_init="weighted")
    after = tiny.rows_of(model)
    last = math.exp(2) / (1 + math.exp(2))  # 0.8808
    for number, (one, other) in SPELT.items():
        table, head = before["table"], before["head"]
        assert torch.allclose(after["table"][number], (1 - last) * table[one] + last * table[other], atol=1e-6)
        assert torch.allclose(after["head"][number], last * head[one] + (1 - last) * head[other], atol=1e-6)


def test_weighted_rows_of_a_tied_matrix_lean_both_ways(tmp_path: Path) -> None:
    # Three parts weigh 0.0159, 0.1173, 0.8668 in the embedding and the other way round in the head.
    old, new = tiny.sentencepiece(tmp_path / "old"), tiny.sentencepiece(tmp_path / "new", (("a", "b"), ("ab", "c")))
    model = tiny.model(263, tied=True)
    before = tiny.rows_of(model)["table"]
    grow(model, old, new, embedding_init="weighted")
    expected = 0.441345 * before[260] + 0.117310 * before[261] + 0.441345 * before[262]
    assert torch.allclose(tiny.rows_of(model)["table"][264], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_zero_output_rows(folders: tuple[Path, Path], kind: str) -> None:
    model = tiny.model(HELD, kind=kind)
    before = tiny.rows_of(model)
    grow(model, *folders, embedding_init="zero_output")
    with torch.no_grad():
        logits = model(torch.tensor([[1, 265, 267]])).logits
    assert torch.equal(logits[..., 265:268], torch.zeros(1, 3, 3))
    assert torch.allclose(
        tiny.rows_of(model)["table"][265], (before["table"][264] + before["table"][262]) / 2, atol=1e-6
    )
    assert not torch.equal(tiny.rows_of(model)["head"][300], torch.zeros(4))  # padding is not zero: it would be likely


def test_zero_output_needs_a_head_of_its_own(folders: tuple[Path, Path]) -> None:
    with pytest.raises(UserError, match=r"base.embedding_init: is zero_output, but the head .* is tied") as caught:
        grow(tiny.model(HELD, tied=True), *folders, embedding_init="zero_output")
    assert caught.value.fix == "choose mean or weighted"


def test_random_rows_have_the_old_deviation_and_no_parts(tmp_path: Path) -> None:
    characters = "".join(chr(0x4E00 + number) for number in range(2_000))
    old, new = tiny.sentencepiece(tmp_path / "old"), tiny.sentencepiece(tmp_path / "new", (), "\u2581abc" + characters)
    one, same = tiny.model(263), tiny.model(263)
    with torch.no_grad():
        tiny.matrices(one)[0].weight.mul_(3)
        tiny.matrices(same)[0].weight.mul_(3)
    deviation = float(tiny.rows_of(one)["table"].std())
    for model in (one, same):
        grow(model, old, new, embedding_init="random")
    drawn = tiny.rows_of(one)["table"][263:2263]
    assert float(drawn.std()) == pytest.approx(deviation, rel=0.03)  # 8,000 numbers: 1 in 100
    assert float(drawn.mean()) == pytest.approx(0, abs=0.15)
    assert torch.equal(drawn, tiny.rows_of(same)["table"][263:2263])
    assert not torch.allclose(drawn[:100], tiny.rows_of(one)["head"][263:363])


@pytest.mark.parametrize("tied", [False, True])
def test_the_bias_of_a_head(folders: tuple[Path, Path], tied: bool) -> None:
    model = tiny.model(HELD, tied=tied, kind="phi")
    before = tiny.rows_of(model)["bias"]
    grow(model, *folders)
    after = tiny.rows_of(model)["bias"]
    assert after.shape == (GROWN,)
    assert float(after[266]) == pytest.approx(float(before[263] + before[261]) / 2, abs=1e-6)
    assert torch.equal(after[:HELD], before)
    assert torch.allclose(after[268:], before.mean().expand(52), atol=1e-6)


ALL = ["mean", "weighted", "zero_output", "random"]
KINDS = [
    *[("llama", False, init) for init in ALL], *[("phi", False, init) for init in ALL],
    *[("t5", False, embedding_init) for embedding_init in ALL], ("modernbert", False, "zero_output"),
    *[(kind, True, "weighted") for kind in ("gpt2", "bloom", "bert", "roberta", "modernbert", "t5", "bart")],
]  # fmt: skip


@pytest.mark.parametrize(("kind", "tied", "embedding_init"), KINDS)
def test_whatever_was_there_stays_to_the_bit(
    folders: tuple[Path, Path], kind: str, tied: bool, embedding_init: Any, tmp_path: Path
) -> None:
    padding = 0 if kind == "roberta" else None
    model, original = (tiny.model(HELD, tied=tied, kind=kind, pad_token_id=padding) for _ in range(2))
    grow(model, *folders, embedding_init=embedding_init)
    grown, before = model.state_dict(), original.state_dict()
    assert grown.keys() == before.keys()
    for name, tensor in before.items():
        same = grown[name][:, :HELD] if name == "final_logits_bias" else grown[name][: len(tensor)]
        assert torch.equal(same, tensor), name
    ids = torch.tensor([[1, 260, 264, 3], [2, 250, 263, 261]])
    assert torch.allclose(tiny.logits(model, ids)[..., :HELD], tiny.logits(original, ids), atol=1e-6)

    # Written and opened again it says the same of old and new pieces alike.
    save(model, folders[1], tmp_path)
    new = torch.tensor([[1, 266, 267, 265]])
    again = load(tmp_path).eval()
    assert torch.equal(tiny.logits(again, new), tiny.logits(model, new))
    table, head = tiny.matrices(again)
    assert (head.weight is table.weight) == tied


@pytest.mark.parametrize(("kind", "name"), [("bert", "cls.predictions.bias"), ("bart", "final_logits_bias")])
def test_what_is_added_to_the_logits(folders: tuple[Path, Path], kind: str, name: str) -> None:
    model = tiny.model(HELD, tied=True, kind=kind)
    before = torch.randn(HELD)
    model.state_dict()[name].copy_(before)
    grow(model, *folders)
    after = model.state_dict()[name].flatten()
    assert len(after) == GROWN
    for number, (one, other) in SPELT.items():
        assert float(after[number]) == pytest.approx(float(before[one] + before[other]) / 2, abs=1e-6)
    assert torch.allclose(after[268:], before.mean().expand(52), atol=1e-6)


def test_a_base_of_t5_1_1_keeps_its_head_apart(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Its configuration says tied once transformers has read it, and rows are added all the same."""
    made = tiny.model(HELD, kind="t5")
    save(made, folders[0], tmp_path)
    model = load(tmp_path).eval()
    ids = torch.tensor([[1, 260, 264, 3]])
    assert torch.equal(tiny.logits(model, ids), tiny.logits(made, ids))
    grow(model, *folders)
    assert model.lm_head.weight is not model.shared.weight
    # Both stacks read the one embedding.
    for stack in (model.encoder, model.decoder):
        assert stack.embed_tokens.weight is model.shared.weight
    assert torch.allclose(tiny.logits(model, ids)[..., :HELD], tiny.logits(made, ids), atol=1e-6)


def test_the_spare_rows_of_t5(tmp_path: Path) -> None:
    """32,100 pieces and 32,128 rows: 28 new pieces need no new row."""
    pieces = {f"\u2581{number}": -9.0 for number in range(32_000 - 2 - 3)} | dict.fromkeys("abc", -3.0)
    old = tiny.unigram(tmp_path / "old", pieces)
    speaker = load_tokenizer(old)
    speaker.add_special_tokens({"extra_special_tokens": [f"<extra_id_{number}>" for number in range(100)]})
    speaker.save_pretrained(old)
    speaker.add_tokens(["ab", "bc"])
    speaker.save_pretrained(tmp_path / "new")
    model = tiny.model(32_128, kind="t5", tied=True)
    before = tiny.rows_of(model)["table"]
    facts = grow(model, old, tmp_path / "new")
    assert (facts["kind"], facts["rows"], facts["new_rows"]) == ("extended", 32_128, [32_100, 32_102])
    a = load_tokenizer(old).get_vocab()["a"]
    after = tiny.rows_of(model)["table"]
    assert torch.allclose(after[32_100], before[[a, a + 1]].mean(0), atol=1e-6)
    assert torch.equal(after[32_102:], before[32_102:])


def test_spare_rows_are_used_first(folders: tuple[Path, Path]) -> None:
    model = tiny.model(300)  # 35 to spare; no multiple of 64, and it stays so
    before = tiny.rows_of(model)
    facts = grow(model, *folders)
    after = tiny.rows_of(model)
    assert facts["rows"] == model.config.vocab_size == 300
    for name in ("table", "head"):
        assert torch.equal(after[name][:265], before[name][:265])
        assert torch.equal(after[name][268:], before[name][268:])
        assert torch.allclose(after[name][265], before[name][[264, 262]].mean(0), atol=1e-6)


@pytest.mark.parametrize(("multiple", "rows"), [(64, 320), (128, 384), (1, 268)])
def test_rows_are_padded(folders: tuple[Path, Path], multiple: int, rows: int) -> None:
    model = tiny.model(266)  # a spare row, too few
    before = tiny.rows_of(model)
    assert grow(model, *folders, multiple=multiple)["rows"] == rows
    assert model.config.vocab_size == model.get_input_embeddings().weight.shape[0] == rows
    assert model.get_output_embeddings().weight.shape[0] == rows
    for name, after in tiny.rows_of(model).items():  # the mean of pieces' rows; the spare one is none
        assert torch.allclose(after[268:], before[name][:265].mean(0).expand(rows - 268, -1), atol=1e-6)


@given(st.integers(1, 40), st.integers(0, 2**31))
@settings(deadline=None, max_examples=50)
def test_padding_is_no_likelier_than_the_average_piece(pieces: int, seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    rows, stream = torch.randn(pieces, 8, generator=chance), torch.randn(8, 20, generator=chance)
    logits, padding = rows @ stream, initial_rows(rows, pieces, {0: [0]}, (0.0,))[-1] @ stream
    assert (padding.exp() <= logits.exp().mean(0) * (1 + 1e-5)).all()


def test_its_own_tokenizer_changes_nothing(folders: tuple[Path, Path]) -> None:
    model = tiny.model(HELD)
    before = tiny.rows_of(model)
    assert grow(model, folders[0], folders[0], embedding_init="random") == {"kind": "same", "rows": HELD}
    for name, tensor in tiny.rows_of(model).items():
        assert torch.equal(tensor, before[name])


def test_a_new_vocabulary_takes_rows_along(tmp_path: Path) -> None:
    old = tiny.sentencepiece(tmp_path / "old", OLD)
    roles = {"bos_token": "<|begin|>", "eos_token": "<|end|>", "mask_token": "<|mask|>"}
    new = tiny.byte_level(tmp_path / "new", (("\u0120", "a"), ("\u0120a", "b")), roles)
    model = tiny.model(320)
    before = tiny.rows_of(model)
    facts = grow(model, old, new)
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(new).get_vocab()
    expected = {
        "\u0120a": [263], "\u0120ab": [263, 261], "b": [261],  # _a, _a b, b
        "\u00c3": [3 + 0xC3], "\u00a9": [3 + 0xA9],  # the two bytes of an e with an acute accent
        "<|begin|>": [1], "<|end|>": [2], "<|mask|>": range(265),
    }  # fmt: skip
    for name in ("table", "head"):
        after = tiny.rows_of(model)[name]
        for piece, parts in expected.items():
            assert torch.allclose(after[ids[piece]], before[name][list(parts)].mean(0), atol=1e-6), piece
    assert facts["kind"] == "new"
    assert facts["new_rows"] == [0, 261]
    assert facts["rows"] == 320


def test_a_new_vocabulary_of_old_pieces_alone(folders: tuple[Path, Path]) -> None:
    model = tiny.model(320)
    before = tiny.rows_of(model)
    facts = grow(model, folders[1], folders[0], multiple=1)  # without its last three pieces
    assert (facts["kind"], facts["pieces"], facts["rows"]) == ("new", 0, 265)
    for name, tensor in tiny.rows_of(model).items():
        assert torch.equal(tensor, before[name][:265])


def test_weights_without_a_tokenizer_begin_from_the_mean(folders: tuple[Path, Path], tmp_path: Path) -> None:
    model = tiny.model(100)
    before = tiny.rows_of(model)["table"]
    facts = grow(model, tmp_path, folders[0])
    assert (facts["kind"], facts["pieces"], facts["parts"], facts["rows"]) == ("new", 265, 0.0, 320)
    assert torch.allclose(tiny.rows_of(model)["table"], before.mean(0).expand(320, -1), atol=1e-6)


def test_ids_that_exceed_the_rows(folders: tuple[Path, Path]) -> None:
    for new in folders:
        with pytest.raises(UserError, match=r"base: its tokenizer has 265 pieces, but the model only 264 rows"):
            grow(tiny.model(264), folders[0], new)

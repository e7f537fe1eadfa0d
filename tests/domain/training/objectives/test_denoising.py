from __future__ import annotations

import math
from collections import Counter
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import UserError
from domain.settings.objectives import Denoising
from domain.tokenizer.special_tokens import SpecialTokens
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import Rows
from domain.training.objectives.denoising import DenoisingObjective, cumulative
from tests.domain.tokenizer import bases
from tests.domain.training.objectives import made

X = IGNORED
SIGNS = SpecialTokens(made.roberta())
BEGIN, END, PAD, MASK = SIGNS.begin, SIGNS.end, SIGNS.pad, SIGNS.mask
SILENT = 1e-9  # a share of which nothing is hidden


def objective(seed: int = 0, **spec: Any) -> DenoisingObjective:
    return DenoisingObjective(Denoising(**spec), made.roberta(), seed)


def halves(batch: Batch, row: int) -> list[tuple[list[int], list[int]]]:
    """(Input, target) of each document of a row."""
    given, told = batch.segments["input_ids"][row], batch.segments["decoder_input_ids"][row]
    return [
        (batch.inputs["input_ids"][row][given == n].tolist(), batch.labels[row][told == n].tolist())
        for n in range(int(given.max()) + 1)
    ]


def texts(rows: Rows, row: int) -> list[list[int]]:
    """The documents of a row without its last token, each without its frame."""
    tokens, segments = rows.tokens[row, :-1], rows.segments[row, :-1]
    return [[t for t in tokens[segments == n].tolist() if t not in (BEGIN, END)] for n in np.unique(segments) if n >= 0]


def gaps(given: list[int], text: list[int]) -> list[tuple[int, int]]:
    """(Masks, hidden tokens) between the tokens that stay, of a text in which every token is another."""
    found, at = [(0, 0)], 0
    for token in [*given, None]:
        if token == MASK:
            found[-1] = found[-1][0] + 1, 0
        else:
            place = len(text) if token is None else text.index(token)
            assert place >= at  # in their order
            found[-1] = found[-1][0], place - at
            found.append((0, 0))
            at = place + 1
    return found[:-1]


def distinct(length: int) -> list[int]:
    return SIGNS.ordinary[:length].tolist()


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(0, 200), number=st.integers(0, 10**9),
    share=st.sampled_from([0.1, 0.3, 0.9]), mean=st.sampled_from([1.0, 3.0, 12.0]),
)  # fmt: skip
def test_a_mask_for_each_span_and_the_rest_in_its_order(length: int, number: int, share: float, mean: float) -> None:
    text = distinct(length)
    batch = objective(permute=False, share=share, length=mean)(
        made.rows_of(made.roberta(), [[text]], length + 2), number
    )
    [(given, target)] = halves(batch, 0)
    assert target == [BEGIN, *text, END]
    assert [given[0], given[-1]] == [BEGIN, END]
    between = gaps(given[1:-1], text)
    assert all(masks > 0 or not hidden for masks, hidden in between)
    # all but the last few lengths that were drawn may be 0 (1 in 3 at a mean of 1)
    assert sum(hidden for _, hidden in between) <= round(share * length)
    assert mean == 1.0 or length < 50 or sum(hidden for _, hidden in between) == round(share * length)
    assert len(given) <= len(target)


def test_spans_have_poisson_lengths_and_lie_anywhere() -> None:
    text = distinct(300)
    rows = made.rows_of(made.roberta(), [[text]] * 300, raw=302)
    batch = objective(permute=False)(rows, 0)
    between = [gaps(halves(batch, row)[0][0][1:-1], text) for row in range(300)]
    assert all(sum(hidden for _, hidden in each) == 90 for each in between)
    # Lengths are drawn until they reach 90. What they come to is 90 and what the last has too much, in the mean
    # E[X (X - 1)] / (2 E[X]) = 9 / 6 (renewal theory); over the mean length 3 that is the number of spans.
    expected = (90 + 9 / 6) / 3
    spans = [sum(masks for masks, _ in each) for each in between]
    assert np.mean(spans) == pytest.approx(expected, abs=4 * math.sqrt(90 * 3 / 27 / 300))
    # Where a mask stands alone, what it hides is one length; none is hidden by exp(-3) = 5% of them.
    alone = [hidden for each in between for masks, hidden in each if masks == 1]
    assert np.mean(np.array(alone) == 0) == pytest.approx(math.exp(-3), abs=0.012)
    assert np.mean(np.array(alone) == 3) == pytest.approx(math.exp(-3) * 27 / 6, abs=0.02)
    # How long a span is has nothing to do with where it lies.
    leading = [each[0][1] for each in between if each[0][0] == 1]
    assert np.mean(leading) == pytest.approx(3, abs=4 * math.sqrt(3 / len(leading)))
    # No place is hidden more often than another, but the first and last few, over which fewer spans can lie.
    stays = np.mean([np.isin(text, halves(batch, row)[0][0]) for row in range(300)], axis=0)
    assert abs(stays[8:-8] - 0.7).max() < 4.5 * math.sqrt(0.3 * 0.7 / 300)


def test_lengths_are_drawn_by_the_distribution_function() -> None:
    found = cumulative(3.0)
    assert found[:4] == pytest.approx([0.049787, 0.199148, 0.423190, 0.647232], abs=1e-6)
    assert found[-1] == pytest.approx(1.0, abs=1e-12)
    assert cumulative(1.0).searchsorted([0.0, 0.36, 0.37, 0.73, 0.74], side="right").tolist() == [0, 0, 1, 1, 2]


def test_sentences_are_put_in_every_order_alike() -> None:
    text = made.roberta().encode("The old man. Was it cold... no! and a house", add_special_tokens=False)
    rows = made.rows_of(made.roberta(), [[text]] * 2400, raw=len(text) + 2)
    batch = objective(share=SILENT)(rows, 0)
    sentences = ["The old man.", " Was it cold...", " no!", " and a house"]
    found = Counter(made.roberta().decode(halves(batch, row)[0][0][1:-1]) for row in range(2400))
    orders = {"".join(sentences[n] for n in order) for order in permutations(range(4))}
    assert found.keys() == orders
    assert all(abs(times - 100) < 4.5 * 10 for times in found.values())
    assert (batch.labels[:, 1 : len(text) + 1] == torch.tensor(text)).all()  # the target is the text as it was


def test_order_is_kept_where_none_is_asked_for() -> None:
    text = made.roberta().encode("The old man. Was it cold? It was.", add_special_tokens=False)
    batch = objective(share=SILENT, permute=False)(made.rows_of(made.roberta(), [[text]] * 20, raw=40), 0)
    assert all(given == target == [BEGIN, *text, END] for row in range(20) for given, target in halves(batch, row))


def test_masks_that_are_put_in_never_make_a_text_longer() -> None:
    rows = made.rows_of(made.roberta(), [[distinct(4)]] * 500, raw=6)  # one token to hide; a length of 0 in 1 of 20
    for share, length in ((0.3, 3.0), (0.3, 1.0), (0.9, 1.0)):
        batch = objective(share=share, length=length, permute=False)(rows, 0)
        sizes = (batch.segments["input_ids"] == 0).sum(dim=1)
        assert int(sizes.max()) <= 6


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=12), context=st.integers(5, 90),
    number=st.integers(0, 10**9), mean=st.sampled_from([1.0, 3.0]),
)  # fmt: skip
def test_documents_of_a_row_each_for_itself(lengths: list[int], context: int, number: int, mean: float) -> None:
    here = objective(length=mean)
    rows = made.streamed(made.roberta(), lengths, rows=3, raw=here.raw(context))
    batch = here(rows, number)
    assert batch.inputs["input_ids"].shape[1] <= context
    assert batch.labels.shape == batch.inputs["decoder_input_ids"].shape
    assert batch.labels.shape[1] <= context
    assert batch.valid == int((batch.labels != X).sum())
    for row in range(3):
        found = halves(batch, row)
        assert [target for _, target in found] == [[BEGIN, *text, END] for text in texts(rows, row)]
        for shown, target in found:
            assert [shown[0], shown[-1]] == [BEGIN, END]
            assert not Counter(shown) - Counter({MASK: len(shown)}) - Counter(target)


def test_pieces_of_long_documents_side_by_side_do_not_make_a_row_too_long() -> None:
    """Best fit puts the rests of cut documents into one row; each is given a begin and an end of its own."""
    tokens, segments = np.array([distinct(13)]), np.array([[0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3]])
    batch = objective(share=SILENT, permute=False)(Rows(tokens, segments), 0)
    assert batch.labels.shape == (1, 14)  # 12 tokens, and room for one begin and end
    assert [target[1:-1] for _, target in halves(batch, 0)] == [distinct(13)[a:b] for a, b in ((0, 3), (3, 6))] + [
        distinct(13)[6:8]
    ]


def test_the_decoder_is_given_what_transformers_would_give_it() -> None:
    from transformers.models.bart.modeling_bart import shift_tokens_right

    rows = made.rows_of(made.roberta(), [[distinct(40)], [distinct(17)]], raw=50)
    batch = objective()(rows, 0)
    peer = shift_tokens_right(batch.labels, pad_token_id=PAD, decoder_start_token_id=END)
    learned = batch.labels != X
    assert torch.equal(peer[learned], batch.inputs["decoder_input_ids"][learned])
    assert batch.inputs["decoder_input_ids"][:, :2].tolist() == [[END, BEGIN], [END, BEGIN]]
    assert (batch.inputs["decoder_input_ids"][1, 19:] == PAD).all()
    assert (batch.segments["decoder_input_ids"][1, 19:] == -1).all()


def test_room_for_begin_and_end() -> None:
    assert objective().raw(1024) == 1022
    fast = bases.gpt2()
    fast.add_special_tokens(["<mask>"])
    lone = made.opened(fast, eos_token="<|endoftext|>", mask_token="<mask>")
    here = DenoisingObjective(Denoising(permute=False, share=SILENT), lone, 0)
    assert here.raw(1024) == 1023
    [(given, target)] = halves(here(made.rows_of(lone, [[[5, 6, 7]]], raw=8), 0), 0)
    assert given == target == [5, 6, 7, lone.eos_token_id]  # a begin that is the end is put before no text


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 10**12), at=st.integers(1, 5))
def test_a_rows_noise_is_of_its_number_alone(number: int, at: int) -> None:
    rows = made.streamed(made.roberta(), [20, 7, 50], rows=6, raw=60)

    def seen(rows: Rows, number: int, seed: int = 5) -> list[Any]:
        batch = objective(seed)(rows, number)
        return [halves(batch, row) for row in range(len(batch.labels))]

    together = seen(rows, number)
    apart = seen(Rows(rows.tokens[:at], rows.segments[:at]), number)
    assert together == apart + seen(Rows(rows.tokens[at:], rows.segments[at:]), number + at)
    assert seen(rows, number + 6) != together
    assert seen(rows, number, seed=6) != together


def test_bad_specs_and_tokenizers_are_refused() -> None:
    with pytest.raises(UserError, match="no mask token"):
        DenoisingObjective(Denoising(), made.t5(), 0)
    for wrong in ({"share": 1.0}, {"share": 0.0}, {"length": 0.5}):
        with pytest.raises(ValidationError):
            Denoising(**wrong)

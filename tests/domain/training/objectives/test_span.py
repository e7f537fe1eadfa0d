from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserError
from domain.settings.objectives import Span
from domain.tokenizer.special_tokens import SpecialTokens
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import Rows
from domain.training.objectives.span import SpanObjective, spans
from tests.domain.tokenizer import bases
from tests.domain.training.objectives import made

X = IGNORED
SIGNS = SpecialTokens(made.t5())
END, PAD, SENTINELS = SIGNS.end, SIGNS.pad, SIGNS.sentinels.tolist()


def objective(seed: int = 0, **spec: Any) -> SpanObjective:
    return SpanObjective(Span(**spec), made.t5(), seed)


def released(context: int, share: float, length: float) -> tuple[int, int]:
    """``random_spans_helper`` of t5/data/preprocessors.py with an extra token a span: (raw tokens, targets)."""

    def sizes(raw: int) -> tuple[int, int]:
        noise = round(raw * share)
        spans = round(noise / length)
        return raw - noise + spans + 1, noise + spans + 1

    raw = context - 1
    while sizes(raw + 1)[0] <= context:
        raw += 1
    return raw, sizes(raw)[1]


def halves(batch: Batch, row: int) -> list[tuple[list[int], list[int]]]:
    """(Input, target) of each document of a row."""
    given, told = batch.segments["input_ids"][row], batch.segments["decoder_input_ids"][row]
    return [
        (batch.inputs["input_ids"][row][given == n].tolist(), batch.labels[row][told == n].tolist())
        for n in range(int(given.max()) + 1)
    ]


def put_back(given: list[int], target: list[int]) -> list[int]:
    """The text; asserts that sentinels come in their order, in both, and that one more closes the target."""
    count = sum(token in SENTINELS for token in given)
    assert [token for token in given if token in SENTINELS] == SENTINELS[:count]
    assert [token for token in target if token in SENTINELS] == SENTINELS[: count + 1]
    assert target[0] == SENTINELS[0]
    assert target[-1] == SENTINELS[count]
    assert given[-1] == END
    assert not {END, PAD} & {*given[:-1], *target}
    places = [target.index(sentinel) for sentinel in SENTINELS[: count + 1]]
    found = {SENTINELS[n]: target[a + 1 : b] for n, (a, b) in enumerate(pairwise(places))}
    assert all(found.values())  # no span is empty
    return [token for each in given[:-1] for token in found.get(each, [each])]


def test_512_inputs_and_114_targets_come_from_568_tokens() -> None:
    # arXiv 1910.10683: round(568 * 0.15) = 85 tokens in round(85 / 3) = 28 spans; 568 - 85 + 28 + 1, and 85 + 28 + 1
    assert objective().raw(512) == 568
    text = np.resize(SIGNS.ordinary, 569)[None]
    batch = objective()(Rows(text, np.zeros_like(text)), 0)
    assert batch.inputs["input_ids"].shape == (1, 512)
    assert (batch.segments["input_ids"] == 0).all()
    assert batch.valid == int((batch.labels != X).sum()) == 114
    [(given, target)] = halves(batch, 0)
    assert [len(given), len(target)] == [512, 114]
    assert put_back(given, target) == text[0, :568].tolist()


@pytest.mark.parametrize(("share", "length"), [(0.15, 3.0), (0.15, 5.0), (0.1, 2.0), (0.3, 3.0), (0.25, 10.0)])
@pytest.mark.parametrize("context", [64, 114, 128, 512, 700])
def test_lengths_are_those_of_the_released_code(share: float, length: float, context: int) -> None:
    here = objective(share=share, length=length)
    raw, targets = released(context, share, length)
    assert here.raw(context) == raw
    left_out, count = here.counts(np.array([raw]))
    assert int(left_out[0] + count[0]) + 1 == targets


def test_the_papers_figure() -> None:
    """Figure 2: "Thank you <X> me to your party <Y> week.", and "<X> for inviting <Y> last <Z>"."""
    thank, you, for_, inviting, me, to, your, party, last, week = SIGNS.ordinary[:10].tolist()
    text = np.array([thank, you, for_, inviting, me, to, your, party, last, week, END])
    hidden = np.isin(text, [for_, inviting, last])
    x, y, z = SENTINELS[:3]
    sizes = np.array([11])
    given, length = objective().replaced(text, hidden, sizes)
    assert given.tolist() == [thank, you, x, me, to, your, party, y, week, END]
    assert length.tolist() == [10]
    target, length = objective().replaced(text, ~hidden, sizes)
    assert target.tolist() == [x, for_, inviting, y, last, z]
    assert length.tolist() == [6]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 60), min_size=1, max_size=12), raw=st.integers(3, 90), number=st.integers(0, 10**9),
    share=st.sampled_from([0.1, 0.15, 0.5, 0.9]), length=st.sampled_from([1.0, 3.0, 8.0]),
)  # fmt: skip
def test_a_text_is_its_input_with_the_spans_put_back(
    lengths: list[int], raw: int, number: int, share: float, length: float
) -> None:
    here = objective(share=share, length=length)
    rows = made.streamed(made.t5(), lengths, rows=3, raw=raw)
    most = int(here.longer(np.array([raw]))[0])
    batch = here(rows, number)
    assert batch.inputs["input_ids"].shape[1] <= most
    assert batch.labels.shape[1] <= most
    assert batch.valid == int((batch.labels != X).sum()) > 0
    for row in range(3):
        read = texts(rows, row)
        found = [put_back(*half) for half in halves(batch, row)]
        # all of a row, but what does not fit at its end
        assert all(a == b for a, b in zip(found[:-1], read, strict=False))
        assert found[-1] == read[len(found) - 1][: len(found[-1])]
        if sum(here.longer(np.array([len(text) for text in read]))) <= most:
            assert found == read


def texts(rows: Rows, row: int) -> list[list[int]]:
    """The documents of a row without its last token, each without its frame."""
    tokens, segments = rows.tokens[row, :-1], rows.segments[row, :-1]
    return [[t for t in tokens[segments == n].tolist() if t != END] for n in np.unique(segments) if n >= 0]


def test_as_many_tokens_and_spans_as_asked_for() -> None:
    left_out, count = objective().counts(np.array([0, 1, 2, 9, 10, 20, 100, 568]))
    assert left_out.tolist() == [0, 0, 1, 1, 2, 3, 15, 85]
    assert count.tolist() == [0, 0, 1, 1, 1, 1, 5, 28]
    # something always stays, as many spans as are left out; 1.8, 2.7 and 9 tokens, and a third of these spans
    assert [each.tolist() for each in objective(share=0.9).counts(np.array([2, 3, 10]))] == [[1, 2, 9], [1, 1, 1]]


def test_every_way_to_hide_is_as_likely() -> None:
    # 8 tokens, 3 of them left out in 2 spans: 2 ways to cut the 3, times 4 to cut the 5 that stay
    drawn = np.random.default_rng(0).random((4000, 8))
    of_all = [np.full(4000, value) for value in (8, 3, 2)]
    found = Counter(map(tuple, spans(*of_all, drawn.ravel()).reshape(4000, 8).tolist()))
    assert len(found) == 8
    assert all(not ways[0] and ways[-1] and sum(ways) == 3 for ways in found)
    assert all(abs(times - 500) < 4 * math.sqrt(500 * 7 / 8) for times in found.values())


def test_a_short_text_stays_whole_and_teaches_that_nothing_is_missing() -> None:
    a, b = SIGNS.ordinary[:2].tolist()
    rows = made.rows_of(made.t5(), [[[a], [a, b], []]], raw=12)
    batch = objective()(rows, 0)
    assert halves(batch, 0) == [
        ([a, END], [SENTINELS[0]]),
        ([a, SENTINELS[0], END], [SENTINELS[0], b, SENTINELS[1]]),
        ([END], [SENTINELS[0]]),
    ]
    assert batch.inputs["decoder_input_ids"][0, :5].tolist() == [PAD, PAD, SENTINELS[0], b, PAD]
    assert batch.segments["decoder_input_ids"][0, :6].tolist() == [0, 1, 1, 1, 2, -1]
    assert batch.inputs["input_ids"][0, 6:].tolist() == [PAD] * (batch.inputs["input_ids"].shape[1] - 6)
    assert batch.valid == 5


def test_the_decoder_is_given_what_transformers_would_give_it() -> None:
    from transformers.models.bart.modeling_bart import shift_tokens_right  # T5's is the same

    batch = objective()(made.rows_of(made.t5(), [[SIGNS.ordinary[:40]], [SIGNS.ordinary[5:60]]], raw=57), 0)
    peer = shift_tokens_right(batch.labels, pad_token_id=PAD, decoder_start_token_id=PAD)
    learned = batch.labels != X
    assert torch.equal(peer[learned], batch.inputs["decoder_input_ids"][learned])


def test_no_more_spans_than_sentinels() -> None:
    fast = bases.unigram(["<pad>", "</s>", "<unk>"])
    fast.add_special_tokens(["<extra_id_0>", "<extra_id_1>", "<extra_id_2>"])
    tokenizer = made.opened(fast, pad_token="<pad>", **bases.END)
    here = SpanObjective(Span(), tokenizer, 0)
    assert [each.tolist() for each in here.counts(np.array([400]))] == [[60], [2]]  # 20 are asked for
    batch = here(made.rows_of(tokenizer, [[SpecialTokens(tokenizer).ordinary[[*range(50)] * 8]]], raw=402), 0)
    [(given, target)] = halves(batch, 0)
    assert [token for token in target if token in SpecialTokens(tokenizer).sentinels] == SpecialTokens(
        tokenizer
    ).sentinels.tolist()
    assert len(given) == 340 + 2 + 1
    assert here.raw(343) in (400, 401, 402, 403)


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 10**12), at=st.integers(1, 5))
def test_a_rows_noise_is_of_its_number_alone(number: int, at: int) -> None:
    rows = made.streamed(made.t5(), [20, 7, 50], rows=6, raw=60)

    def seen(rows: Rows, number: int, seed: int = 5) -> list[Any]:
        batch = objective(seed)(rows, number)
        return [halves(batch, row) for row in range(len(batch.labels))]

    together = seen(rows, number)
    apart = seen(Rows(rows.tokens[:at], rows.segments[:at]), number)
    assert together == apart + seen(Rows(rows.tokens[at:], rows.segments[at:]), number + at)
    assert seen(rows, number + 6) != together
    assert seen(rows, number, seed=6) != together


def test_a_begin_of_its_own_is_not_in_the_input() -> None:
    """As in a tokenizer that is trained for spans, whose texts only end (``domain.tokenizer.train``)."""
    fast = bases.unigram(["<pad>", "<s>", "</s>", "<unk>"])
    fast.add_special_tokens([f"<extra_id_{n}>" for n in range(10)])
    tokenizer = made.opened(fast, pad_token="<pad>", bos_token="<s>", **bases.END)
    special = SpecialTokens(tokenizer)
    batch = SpanObjective(Span(), tokenizer, 0)(made.rows_of(tokenizer, [[special.ordinary[:10]] * 2], raw=24), 0)
    assert special.begin != special.end
    assert not (batch.inputs["input_ids"] == special.begin).any()
    assert [given[-1] for given, _ in halves(batch, 0)] == [special.end] * 2


def test_a_tokenizer_without_sentinels_is_refused_before_training() -> None:
    with pytest.raises(UserError, match="no sentinels"):
        SpanObjective(Span(), made.roberta(), 0)

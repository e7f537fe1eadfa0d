from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UserError
from domain.settings.objectives import Masked
from domain.tokenizer.special_tokens import SpecialTokens
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.packing import PADDING, Rows
from domain.training.objectives import choose, masked
from tests.domain.tokenizer.bases import GENERAL
from tests.domain.training.objectives import made

X = IGNORED
KINDS = [made.roberta, made.xlmr, made.bert]


def shares(
    inputs: np.ndarray, labels: np.ndarray, tokens: np.ndarray, special: SpecialTokens
) -> dict[str, tuple[int, int]]:
    """What became of tokens, as (how many, of how many); asserts what holds of every one."""
    selected = labels != X
    assert (labels[selected] == tokens[selected]).all()
    assert (inputs[~selected] == tokens[~selected]).all()
    text = special.text[tokens]
    assert not selected[~text].any()
    hidden, same = selected & (inputs == special.mask), selected & (inputs == tokens)
    other = int(selected.sum() - hidden.sum() - same.sum())
    return {
        "selected": (int(selected.sum()), int(text.sum())),
        "hidden": (int(hidden.sum()), int(selected.sum())),
        "other": (other, int(selected.sum())),
    }


def near(found: tuple[int, int], share: float) -> None:
    """Within 4 deviations of a binomial's."""
    number, of = found
    assert abs(number - of * share) < 4 * math.sqrt(of * share * (1 - share))


def test_shares_are_those_of_transformers_collator() -> None:
    from transformers import DataCollatorForLanguageModeling

    tokenizer = made.roberta()
    special = SpecialTokens(tokenizer)
    rows = made.streamed(tokenizer, [30, 200, 1, 90], rows=400, raw=128)
    batch = choose(Masked(), tokenizer, 3)(rows, 0)
    tokens = rows.tokens[:, :-1]
    mine = shares(batch.inputs["input_ids"].numpy(), batch.labels.numpy(), tokens, special)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15, seed=0)
    peer = collator([{"input_ids": row.tolist()} for row in tokens])
    # the peer's other ids may be special, and both may draw the token itself: 1 in 330, less than what is told apart
    for each in (mine, shares(peer["input_ids"].numpy(), peer["labels"].numpy(), tokens, special)):
        near(each["selected"], 0.15)
        near(each["hidden"], 0.8)
        near(each["other"], 0.1)
    assert batch.valid == mine["selected"][0]


def test_other_ids_are_all_ordinary_ones_alike() -> None:
    tokenizer = made.roberta()
    ordinary = SpecialTokens(tokenizer).ordinary
    rows = made.streamed(tokenizer, [500], rows=400, raw=512)
    batch = choose(Masked(share=0.5), tokenizer, 0)(rows, 0)
    inputs, labels = batch.inputs["input_ids"].numpy(), batch.labels.numpy()
    drawn = inputs[(labels != X) & (inputs != SpecialTokens(tokenizer).mask) & (inputs != labels)]
    counts = np.bincount(drawn, minlength=len(tokenizer))
    assert counts.sum() == counts[ordinary].sum()
    expected = counts.sum() / len(ordinary)
    assert ((counts[ordinary] - expected) ** 2 / expected).sum() < len(ordinary) + 5 * math.sqrt(2 * len(ordinary))


def test_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = made.roberta()
    special = SpecialTokens(tokenizer)
    begin, end, pad, mask, ordinary = special.begin, special.end, special.pad, special.mask, special.ordinary
    a, b, c, d, e = ordinary[[7, 8, 9, 10, 11]].tolist()
    rows = Rows(
        np.array([[begin, a, b, c, end, begin, d, e, end, 0, 0]]), np.array([[0, 0, 0, 0, 0, 1, 1, 1, 1, -1, -1]])
    )
    selecting = [0.0, 0.149, 0.15, 0.1, 0.0, 0.0, 0.1, 0.1, 0.0, 0.0]
    changing = [0.0, 0.799, 0.0, 0.85, 0.0, 0.0, 0.9, 0.8, 0.0, 0.0]
    monkeypatch.setattr(masked, "noise", lambda *_: np.array([[selecting], [changing]]))
    batch = choose(Masked(), tokenizer, 0)(rows, 0)
    half = int(ordinary[int(0.5 * len(ordinary) - 1e-6)])  # 0.85 is half way through what draws another id
    # a is masked; b not selected; c replaced; d stays as it is, and e is replaced by the first id
    assert batch.inputs["input_ids"].tolist() == [[begin, mask, b, half, end, begin, d, int(ordinary[0]), end, pad]]
    assert batch.labels.tolist() == [[X, a, X, c, X, X, d, e, X, X]]
    assert batch.segments["input_ids"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 1, -1]]
    assert batch.valid == 4


def test_a_lone_token_is_predicted_from_its_frame() -> None:
    tokenizer = made.roberta()
    token = int(SpecialTokens(tokenizer).ordinary[50])
    rows = made.rows_of(tokenizer, [[[token]]] * 64, raw=8)
    batch = choose(Masked(share=0.9), tokenizer, 0)(rows, 0)
    assert {*batch.labels[:, 1].tolist()} == {X, token}
    assert (batch.labels[:, [0, 2, 3, 4, 5, 6, 7]] == X).all()
    assert (batch.inputs["input_ids"][:, 3:] == tokenizer.pad_token_id).all()


@pytest.mark.parametrize("tokenizer", KINDS)
def test_words_are_those_of_transformers_collator(tokenizer: Any) -> None:
    """On text without punctuation, where its words (what spaces part) are ours."""
    from transformers import DataCollatorForLanguageModeling

    collator = DataCollatorForLanguageModeling(
        tokenizer(), whole_word_mask=True, mask_replace_prob=1.0, random_replace_prob=0.0
    )
    text = "the old man walked slowly along the river and looked at the water which was cold that morning"
    encoding = tokenizer().backend_tokenizer.encode(text, add_special_tokens=False)
    ids, offsets = np.array([encoding.ids]), np.array([encoding.offsets])
    # Spaces are no part of what the peer looks at: neither that before a word, nor one that is a piece.
    offsets[..., 0] += [[text[start] == " " for start, _ in encoding.offsets]]
    offsets[..., 1] -= [[piece == "▁" for piece in encoding.tokens]]
    peer, _ = collator._calc_word_ids_and_prob_mask(offsets, np.zeros_like(ids))
    whole = choose(Masked(whole_words=True), tokenizer(), 0)
    words = whole.words(ids, np.zeros_like(ids), np.ones_like(ids, dtype=bool))  # type: ignore[attr-defined]
    assert (np.unique(words, return_inverse=True)[1].ravel() == peer[0] - peer[0, 0]).all()
    assert len(np.unique(words)) == len(text.split()) < ids.size


def test_a_word_ends_with_its_document_and_at_special_tokens() -> None:
    tokenizer = made.roberta()
    begin, end, go_on = (
        SpecialTokens(tokenizer).begin,
        SpecialTokens(tokenizer).end,
        tokenizer.convert_tokens_to_ids("es"),
    )
    tokens = np.array([[go_on, go_on, end, begin, go_on, go_on, go_on, end, go_on]])
    segments = np.array([[0, 0, 0, 1, 1, 1, 2, 2, 2]])
    objective = choose(Masked(whole_words=True), tokenizer, 0)
    found = objective.words(tokens, segments, SpecialTokens(tokenizer).text[tokens])  # type: ignore[attr-defined]
    assert found.tolist() == [[0, 0, 2, 3, 4, 4, 6, 7, 8]]


@pytest.mark.parametrize("tokenizer", KINDS)
def test_a_word_is_selected_whole_or_not_at_all(tokenizer: Any) -> None:
    special, texts = (
        SpecialTokens(tokenizer()),
        [tokenizer().encode(text, add_special_tokens=False) for text in GENERAL[:3]],
    )
    rows = made.rows_of(tokenizer(), [texts] * 300, raw=sum(map(len, texts)) + 6)
    batch = choose(Masked(whole_words=True), tokenizer(), 0)(rows, 0)
    selected = batch.labels.numpy() != X
    for at in range(1, selected.shape[1]):
        token, before = rows.tokens[0, at], rows.tokens[0, at - 1]
        if special.text[[token, before]].all() and not special.starts[token]:
            assert (selected[:, at] == selected[:, at - 1]).all()
        elif special.text[[token, before]].all():
            assert (selected[:, at] != selected[:, at - 1]).any()
    counts = shares(batch.inputs["input_ids"].numpy(), batch.labels.numpy(), rows.tokens[:, :-1], special)
    near(counts["hidden"], 0.8)  # each piece for itself
    number, of = counts["selected"]
    assert number / of == pytest.approx(0.15, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 10**12), at=st.integers(1, 5), whole=st.booleans())
def test_a_rows_noise_is_of_its_number_alone(number: int, at: int, whole: bool) -> None:
    rows = made.streamed(made.roberta(), [20, 7, 50], rows=6, raw=32)
    objective = choose(Masked(whole_words=whole), made.roberta(), 5)

    def seen(batch: Batch) -> list[list[list[int]]]:
        return [batch.inputs["input_ids"].tolist(), batch.labels.tolist()]

    together = seen(objective(rows, number))
    first = seen(objective(Rows(rows.tokens[:at], rows.segments[:at]), number))
    rest = seen(objective(Rows(rows.tokens[at:], rows.segments[at:]), number + at))
    assert together == [a + b for a, b in zip(first, rest, strict=True)]
    assert seen(objective(rows, number + 6)) != together  # the next pass hides others
    assert seen(choose(Masked(whole_words=whole), made.roberta(), 6)(rows, number)) != together


def test_what_the_model_is_given() -> None:
    objective = choose(Masked(), made.bert(), 0)
    assert objective.raw(512) == 512
    rows = Rows(np.full((2, 9), 7), np.array([[0] * 9, [0] * 4 + [PADDING] * 5]))
    batch = objective(rows, 0)
    assert batch.inputs["input_ids"].shape == batch.labels.shape == batch.segments["input_ids"].shape == (2, 8)
    assert batch.inputs["input_ids"].dtype == batch.labels.dtype == torch.int64
    assert (rows.tokens == 7).all()  # what was read is not written to


def test_a_tokenizer_without_a_mask_is_refused_before_training() -> None:
    with pytest.raises(UserError, match="no mask token"):
        choose(Masked(), made.t5(), 0)

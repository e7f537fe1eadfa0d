"""Bits per byte by hand, against a plain forward pass, and against the windows of lm-evaluation-harness."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from domain import score
from domain.machine import Machine
from domain.model.build import build
from domain.model.spec import Scratch
from domain.score import bits_per_byte, document_nats, windows

CPU = Machine(device="cpu", precision="fp32", threads=1)
BF16 = CPU.replace(precision="bf16")
CONTEXT = 32
LENGTHS = (0, 1, 5, 31, 32, 33, 63, 64, 65, 100)


class Even(torch.nn.Module):
    """Every one of ``pieces`` is equally likely."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(pieces, 1)
        self.shapes: list[tuple[int, ...]] = []

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> Any:
        self.shapes.append(tuple(input_ids.shape))
        return SimpleNamespace(logits=torch.zeros(1).expand(*input_ids.shape, self.embedding.num_embeddings))


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def model(request: pytest.FixtureRequest, tokenizer: Any) -> Any:
    torch.set_num_threads(1)  # two gain nothing at this size, and wait for each other on a busy machine
    made = build(Scratch(architecture=request.param, width=32, layers=2, heads=4, context=CONTEXT), tokenizer.path, 0)
    with torch.no_grad():  # louder than a fresh one, so that what it sees matters
        for parameter in made.parameters():
            parameter.mul_(4.0)
    return made.eval()


@pytest.fixture(scope="module")
def documents() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(3, 320, size=length, dtype=np.int32) for length in LENGTHS]


def plain(model: Any, given: list[int], wanted: list[int]) -> float:
    """Nats of ``wanted``, the last of what follows ``given``: one sequence, no padding, no window."""
    with torch.no_grad():
        chances = model(input_ids=torch.tensor([given]), use_cache=False).logits[0].log_softmax(-1).double()
    return -float(sum(chances[len(given) - len(wanted) + i, token] for i, token in enumerate(wanted)))


def harness(ids: list[int], begin: int, longest: int) -> list[tuple[list[int], list[int]]]:
    """(context, continuation) of lm-evaluation-harness' rolling windows, made disjoint, written out plainly."""
    done = min(longest, len(ids))
    pairs = [([begin, *ids[: done - 1]], ids[:done])] if ids else []
    while done < len(ids):
        end = min(done + longest, len(ids))
        pairs.append((ids[end - longest - 1 : end - 1], ids[done:end]))
        done = end
    return [(context[: len(context) - len(rest) + 1], rest) for context, rest in pairs]


def test_an_even_guess_costs_log_of_the_pieces() -> None:
    text = "Ein Maß für alles"  # 19 bytes
    ids = np.arange(7, dtype=np.int32)
    nats = document_nats(Even(1024), [ids], begin=0, context=4, machine=CPU)
    assert bits_per_byte(float(nats[0]), len(text.encode())) == pytest.approx(10 * 7 / 19, rel=1e-6)


def test_short_texts_cost_what_a_plain_forward_says(model: Any, documents: list[np.ndarray]) -> None:
    nats = document_nats(model, documents, begin=1, context=CONTEXT, machine=CPU)
    for ids, found in zip(documents, nats, strict=True):
        if 0 < len(ids) <= CONTEXT:
            assert found == pytest.approx(plain(model, [1, *ids.tolist()][:-1], ids.tolist()), rel=1e-5)
    assert nats[0] == 0.0


def test_long_texts_cost_what_the_harness_says(model: Any, documents: list[np.ndarray]) -> None:
    nats = document_nats(model, documents, begin=1, context=CONTEXT, machine=CPU)
    for ids, found in zip(documents, nats, strict=True):
        pairs = harness(ids.tolist(), 1, CONTEXT)
        assert found == pytest.approx(sum(plain(model, [*c, *rest][:-1], rest) for c, rest in pairs), rel=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_windows_are_those_of_the_harness_and_fit_the_model(length: int) -> None:
    ids = list(range(100, 100 + length))
    made = windows(np.array(ids, dtype=np.int32), 7, CONTEXT)
    assert [(w[:-n].tolist(), w[-n:].tolist()) for w, n in made] == harness(ids, 7, CONTEXT)
    assert [token for w, n in made for token in w[-n:].tolist()] == ids
    assert all(len(w) <= CONTEXT + 1 for w, _ in made)


def test_neighbours_and_their_order_change_nothing(model: Any, documents: list[np.ndarray]) -> None:
    together = document_nats(model, documents, begin=1, context=CONTEXT, machine=CPU)
    alone = [float(document_nats(model, [ids], begin=1, context=CONTEXT, machine=CPU)[0]) for ids in documents]
    assert together == pytest.approx(alone, rel=1e-5)
    turned = document_nats(model, documents[::-1], begin=1, context=CONTEXT, machine=CPU)
    assert turned[::-1] == pytest.approx(together, rel=1e-5)


def test_half_precision_changes_little(model: Any, documents: list[np.ndarray]) -> None:
    full = document_nats(model, documents, begin=1, context=CONTEXT, machine=CPU)
    half = document_nats(model, documents, begin=1, context=CONTEXT, machine=BF16)
    assert half.sum() == pytest.approx(full.sum(), rel=5e-3)
    assert not np.array_equal(half, full)


def test_a_large_vocabulary_bounds_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(score.LOGITS_PER_PASS, "cpu", 64_000)
    monkeypatch.setattr(score, "LOSSES_AT_ONCE", 7_000)
    even = Even(1_000)
    nats = document_nats(even, [np.arange(16, dtype=np.int32)] * 50, begin=0, context=16, machine=CPU)
    assert even.shapes == [(3, 16)] * 16 + [(2, 16)]  # 64 tokens: 3 windows of 17
    assert nats == pytest.approx([16 * math.log(1_000)] * 50, rel=1e-6)
    monkeypatch.setitem(score.LOGITS_PER_PASS, "cpu", 1)
    monkeypatch.setattr(score, "LOSSES_AT_ONCE", 1)
    document_nats(even, [np.arange(16, dtype=np.int32)] * 2, begin=0, context=16, machine=CPU)
    assert even.shapes[17:] == [(1, 16)] * 2  # one row is always taken


def test_a_long_text_is_summed_in_double_precision() -> None:
    texts = [np.zeros(length, dtype=np.int32) for length in (1, 3_000)]
    one, many = document_nats(Even(3), texts, begin=0, context=4_000, machine=CPU)
    assert many == pytest.approx(3_000 * one, rel=1e-12)  # fp32 has 1e-7


def test_a_pass_takes_4096_tokens_of_the_longest_first() -> None:
    even = Even(20)
    texts = [np.zeros(length, dtype=np.int32) for length in (3, 64) for _ in range(100)]
    nats = document_nats(even, texts, begin=0, context=64, machine=CPU)
    assert even.shapes == [(63, 64), (63, 64), (74, 3)]  # 4,096 // 65 windows; 74 of the short ones are left
    assert nats == pytest.approx([length * math.log(20) for length in (3, 64) for _ in range(100)], rel=1e-6)


def test_logits_take_128_mebibytes_and_their_loss_64(monkeypatch: pytest.MonkeyPatch) -> None:
    widened, loss = list[int](), torch.nn.functional.cross_entropy

    def recorded(logits: torch.Tensor, *labels: torch.Tensor, **options: Any) -> torch.Tensor:
        widened.append(len(logits))
        return loss(logits, *labels, **options)

    monkeypatch.setattr(score.functional, "cross_entropy", recorded)
    even = Even(20_000)
    document_nats(even, [np.zeros(64, dtype=np.int32)] * 30, begin=0, context=64, machine=CPU)
    assert even.shapes == [(25, 64), (5, 64)]  # 2^25 / 20,000 are 1,677 tokens, 25 windows of 65
    assert widened == [838, 762, 320]  # 2^24 / 20,000 are 838 tokens
    assert 4 * score.LOGITS_PER_PASS["cuda"] == 4 * 1024**3  # bytes of fp32
    assert score.TOKENS_AT_ONCE["cuda"] == 32 * 1024


def test_the_bar_counts_every_token_once(monkeypatch: pytest.MonkeyPatch) -> None:
    totals, done = list[float](), list[float]()

    def bar(what: str, total: float, unit: str) -> Any:
        totals.append(total)
        return SimpleNamespace(update=done.append, close=lambda: totals.append(sum(done)))

    monkeypatch.setattr(score, "progress", bar)
    document_nats(Even(20), [np.zeros(n, dtype=np.int32) for n in LENGTHS], begin=0, context=CONTEXT, machine=CPU)
    assert totals == [sum(LENGTHS)] * 2


def test_dropout_is_off_while_it_scores(tokenizer: Any, documents: list[np.ndarray]) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    learner = GPT2LMHeadModel(GPT2Config(vocab_size=320, n_positions=32, n_embd=32, n_layer=1, n_head=2)).train()
    first, again = (document_nats(learner, documents, begin=1, context=CONTEXT, machine=CPU) for _ in range(2))
    assert np.array_equal(first, again)
    assert learner.training

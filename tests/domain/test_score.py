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
        self.longest = 0

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> Any:
        self.longest = max(self.longest, input_ids.numel())
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, self.embedding.num_embeddings))


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
    assert even.longest * 1_000 <= 64_000
    assert nats == pytest.approx([16 * math.log(1_000)] * 50, rel=1e-6)


def test_dropout_is_off_while_it_scores(tokenizer: Any, documents: list[np.ndarray]) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    learner = GPT2LMHeadModel(GPT2Config(vocab_size=320, n_positions=32, n_embd=32, n_layer=1, n_head=2)).train()
    first, again = (document_nats(learner, documents, begin=1, context=CONTEXT, machine=CPU) for _ in range(2))
    assert np.array_equal(first, again)
    assert learner.training

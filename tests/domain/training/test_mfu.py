"""FLOPs of a batch by hand, in every family; what of a training's pace its points tell, and that it stays there."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from domain.cost.flops import flops_per_token
from domain.settings.objectives import Causal, Masked
from domain.tokens.batch import IGNORED, Batch
from domain.tokens.batches import Batches
from domain.tokens.mixture import Mixture
from domain.training import throughput
from domain.training.metrics_log import about_path, read_about, read_points, spool_path
from domain.training.mfu import BatchFlops, shape_of
from domain.training.throughput import THROUGHPUT_FIELDS, Throughput
from tests.domain.model.architectures import rows, tiny
from tests.domain.training.loops import CAUSAL, CPU, train

HOST = torch.device("cpu")


def matrices(model: Any) -> int:
    """Parameters of the blocks, and of what stands before and behind them, without tables and head."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    tables.add(id(model.get_output_embeddings().weight))
    return sum(p.numel() for p in model.parameters() if id(p) not in tables)


def test_a_decoder_by_hand() -> None:
    """Two layers, 32 wide, 64 pieces: rows of 19 and 22 tokens of 25; the last of each document predicts nothing."""
    model, batch = tiny("llama"), rows("llama", [[7, 12], [17, 5]], 25)
    predicted = int((batch.labels != IGNORED).sum())
    wanted = 6 * (19 + 22) * matrices(model) + 6 * predicted * 64 * 32 + 12 * 2 * 32 * (19**2 + 22**2)
    assert BatchFlops(model, HOST, half=True)(batch) == wanted
    tied = tiny("llama", tie_word_embeddings=True)
    assert BatchFlops(tied, HOST, half=True)(batch) == wanted  # the head is passed, whose matrix ever it is


def test_an_encoder_decoder_by_hand() -> None:
    """T5's tokens pass the stack that they come to; keys and values of the encoder's tokens are made in the decoder."""
    model, batch = tiny("t5"), rows("t5", [[20]], 25)
    read, written, predicted = 20, 19, int((batch.labels != IGNORED).sum())
    encoder = sum(p.numel() for p in model.encoder.parameters()) - 64 * 32
    across = 2 * 2 * 32 * 32  # keys and values, in two layers
    decoder = sum(p.numel() for p in model.decoder.parameters()) - 64 * 32 - across
    squares = 2 * (20**2 + 19 * 19 + 19 * 20)
    wanted = 6 * (read * (encoder + across) + written * decoder + predicted * 64 * 32) + 12 * 32 * squares
    assert BatchFlops(model, HOST, half=True)(batch) == wanted


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert", "modernbert"])
def test_a_full_row_is_what_the_plan_says(name: str) -> None:
    """Of a masked row of 25 tokens 5 are hidden."""
    model, batch = tiny(name), rows(name, [[25], [25]], 25)
    objective = Causal() if name in ("llama", "gpt2") else Masked(share=0.2)
    learned = torch.arange(25) < (25 if objective == Causal() else 5)
    whole = Batch(batch.inputs, torch.where(learned, 7, IGNORED).expand(2, -1), 0, batch.segments)
    assert BatchFlops(model, HOST, half=True)(whole) == pytest.approx(
        50 * flops_per_token(shape_of(model), 25, objective)
    )


def test_frozen_matrices_have_no_gradients() -> None:
    """4 N in the place of 6 N; attention is gone back through all the same."""
    pytest.importorskip("peft")
    from domain.model.lora import adapt
    from domain.settings.learning import Lora

    model, batch = tiny("llama"), rows("llama", [[25]], 25)
    predicted = int((batch.labels != IGNORED).sum())
    body = matrices(model)
    adapt(model, Lora(rank=2), grown=False)
    wanted = 4 * 25 * body + 4 * predicted * 64 * 32 + 12 * 2 * 32 * 25**2
    assert BatchFlops(model, HOST, half=True)(batch) == wanted


def test_a_peak_is_there_only_where_one_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("llama")
    assert BatchFlops(model, HOST, half=True).peak is None
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    card = torch.device("cuda")
    assert BatchFlops(model, card, half=True).peak == 989e12
    assert BatchFlops(model, card, half=False).peak is None
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    assert BatchFlops(model, card, half=True).peak is None


def test_shares_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 s: 1 s a batch was waited for, 2 s stood still for a save, a look of 5 s is not in it; two devices."""
    now = 100.0
    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: now))
    work: Any = SimpleNamespace(peak=1e3, name="Card")
    paced = Throughput(work, HOST, ranks=2)
    paced.begin(50)
    paced.add(4_000, 100)
    paced.add(8_000, 100)
    with paced.saving():
        now += 2
    with paced.aside():
        now += 5
    now += 8
    told = paced.measure(250, 1.0)
    assert {name: told[name] for name in THROUGHPUT_FIELDS if name != "memory_mb"} == {
        "tokens_per_second": 20.0, "mfu": pytest.approx(12_000 / (10 * 1e3 * 2)), "waited": 0.1, "saving": 0.2,
    }  # fmt: skip
    assert paced.about() | {"flops_formula": ""} == {
        "flops_per_token": 40.0, "flops_formula": "", "device": "Card", "peak_flops": 1e3,
    }  # fmt: skip
    paced.begin(250)
    now += 1
    assert paced.measure(250, 0.0)["saving"] == paced.measure(250, 0.0)["mfu"] == 0.0


def test_points_tell_it_and_the_series_does_not(tokenizer: Any, tokens: Any, tmp_path: Path) -> None:
    batches = Batches(tokens, Mixture(), rows=8, context=32, batches=4, seed=0)
    out = tmp_path / "run"
    model, series = train(tokenizer, batches, out, CPU.replace(checkpoint_seconds=1e-6))
    points = read_points(spool_path(out))
    assert all({"tokens_per_second", "waited", "saving", "memory_mb"} <= point.keys() for point in points)
    assert all(0 <= point["saving"] < 1 for point in points)
    assert points[-1]["saving"] > 0
    assert all("mfu" not in point for point in points)  # no peak is published for a CPU
    assert not {*THROUGHPUT_FIELDS} & {name for point in series for name in point}
    about = read_about(spool_path(out))
    assert about == json.loads(about_path(spool_path(out)).read_text())
    batch = CAUSAL(batches[0], 0)
    assert about["flops_per_token"] == pytest.approx(BatchFlops(model, HOST, half=False)(batch) / batch.valid)
    assert "2204.02311" in about["flops_formula"]


def test_counting_takes_no_time() -> None:
    """256 rows of 4,096 tokens, a batch of a million: milliseconds, where a step takes seconds."""
    model = tiny("llama")
    zeros = torch.zeros((256, 4_096), dtype=torch.int64)
    batch = Batch({"input_ids": zeros}, zeros, zeros.numel(), {"input_ids": zeros})
    work, began = BatchFlops(model, HOST, half=True), time.process_time()
    work(batch)
    assert time.process_time() - began < 1.0

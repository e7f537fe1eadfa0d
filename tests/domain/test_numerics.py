from __future__ import annotations

import pytest
import torch

from domain.machine import Machine
from domain.numerics import Numerics, device_type, differences, numerics_of, precision_of

CPU = Machine(device="cpu", precision="fp32", threads=1)


def test_auto_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    numerics = numerics_of(CPU.replace(micro_batch=512, precision="auto"))
    assert (numerics.device, numerics.processes, numerics.micro_batch) == ("cpu", 4, 512)
    assert numerics.precision in ("bf16", "fp32")
    assert numerics.torch == torch.__version__
    assert device_type(Machine()) == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert precision_of("cpu", Machine()) == "fp32"
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert precision_of("cpu", Machine()) == "bf16"


def test_a_sentence_for_the_card() -> None:
    numerics = Numerics(
        device="cuda (NVIDIA H200)", precision="bf16", threads=2, processes=8, micro_batch=0, shard=0,
        recompute="none", compile=True, torch="2.13.0",
    )  # fmt: skip
    assert numerics.sentence() == "cuda (NVIDIA H200), bf16, 8 processes with 2 CPU threads, compiled, torch 2.13.0"


def test_only_what_the_profile_states_can_differ() -> None:
    recorded = {"device": "cuda (NVIDIA H200)", "precision": "bf16"}
    assert differences(recorded, Machine()) == ""
    assert differences(recorded, Machine(device="cuda", precision="bf16")) == ""
    assert differences(recorded, Machine(precision="fp32")) == "bf16 (this machine profile says fp32)"
    assert differences(recorded, CPU).startswith("cuda (NVIDIA H200) (this machine profile says cpu), bf16")
    assert differences(None, CPU) == ""

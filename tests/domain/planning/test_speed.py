from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.cost.device import Device
from domain.planning.speed import TRAININGS_PER_KIND, Measured, factor_of

CPU = Device(gpu=False, name="Some CPU, 2 threads", memory=None, bf16=True)


def training(identity: str, parameters: int, rate: float = 1e9) -> dict[str, Any]:
    told = {"identity": identity, "label": identity, "parameters": parameters, "flops_per_second": rate}
    return {**told, "warm_up": 0.0, "memory_factor": 1.0}


def test_the_nearest_in_size_is_taken(tmp_path: Path) -> None:
    known = Measured(tmp_path / "work")
    assert known.nearest(CPU, "decoder", 10) is None
    for each in (training("small", 10**6), training("large", 10**9), training("newer", 10**6)):
        known.add(CPU, "decoder", each)
    assert known.nearest(CPU, "decoder", 3 * 10**6)["label"] == "newer"  # type: ignore[index]
    assert known.nearest(CPU, "decoder", 2 * 10**8)["label"] == "large"  # type: ignore[index]
    assert known.nearest(CPU, "decoder", 3 * 10**7) is None  # 30 times the one, a 33rd of the other
    assert known.of("small") == training("small", 10**6)
    assert known.of("none") is None


def test_what_differs_is_measured_apart(tmp_path: Path) -> None:
    known = Measured(tmp_path)
    known.add(CPU, "decoder", training("a", 10**6))
    assert known.nearest(CPU, "encoder", 10**6) is None
    assert known.nearest(replace(CPU, bf16=False), "decoder", 10**6) is None
    assert known.nearest(replace(CPU, name="Some CPU, 4 threads"), "decoder", 10**6) is None


def test_again_replaces_and_the_oldest_go(tmp_path: Path) -> None:
    known = Measured(tmp_path)
    for number in range(TRAININGS_PER_KIND + 2):
        known.add(CPU, "decoder", training(str(number), 10**6))
    known.add(CPU, "decoder", training("5", 10**6, rate=2e9))
    assert known.of("5")["flops_per_second"] == 2e9  # type: ignore[index]
    assert known.of("0") is known.of("1") is None
    assert sum(map(len, known.read().values())) == TRAININGS_PER_KIND


SPOILT: dict[str, object] = {
    "identity": 7, "label": None, "parameters": "10", "flops_per_second": 0, "memory_factor": float("nan"),
    "warm_up": [], "planned": {}, "measured": {"seconds": 1.0, "memory": True},
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"{", b"[]", b"\xff", b'{"a": [{"parameters": 3}]}', b'{"a": 1}', b'{"a": [1]}', b'{"a": {"b": 1}}', b"",
        b"[" * 100_000, b'{"a": ' * 100_000, b'{"a": [null, [], "x"]}',
        *(json.dumps({"Some CPU, 2 threads, bf16, decoder": [{**training("b", 10), key: value}]}).encode()
          for key, value in {**SPOILT, "parameters": 10**400}.items()),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_holds_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "machine.json").write_bytes(content)
    known = Measured(tmp_path)
    assert known.nearest(CPU, "decoder", 10) is None
    known.add(CPU, "decoder", training("a", 10))
    assert known.of("a") is not None


def test_only_what_was_estimated_is_scaled() -> None:
    # 10 GB were planned, 6 of them for sure; 8 were held: 2 where 4 were estimated
    assert factor_of(8e9, 10e9, 6e9) == 0.5
    assert factor_of(5e9, 10e9, 6e9) == 0.25  # less than what is sure: not to be believed
    assert factor_of(90e9, 10e9, 6e9) == 4.0

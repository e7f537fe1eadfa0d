from __future__ import annotations

import pytest

from domain.cost.device import GPUS, Device, device_of
from domain.errors import UserError
from domain.machine import Machine


@pytest.mark.parametrize(
    ("name", "peak", "memory"),
    [  # data sheets of NVIDIA: dense bf16 (fp16 of the T4), memory
        ("NVIDIA H200", 989e12, 141e9),
        ("NVIDIA H100 80GB HBM3", 989e12, 80e9),
        ("NVIDIA H100 PCIe", 756e12, 80e9),
        ("NVIDIA A100-SXM4-80GB", 312e12, 80e9),
        ("NVIDIA A100-PCIE-40GB", 312e12, 40e9),
        ("NVIDIA L40S", 362e12, 48e9),
        ("NVIDIA A10", 125e12, 24e9),
        ("Tesla T4", 65e12, 16e9),
    ],
)
def test_gpus_by_the_names_that_they_give_themselves(name: str, peak: float, memory: float) -> None:
    device = device_of(Machine(gpu=name))
    assert device.gpu
    assert (device.peak, device.memory) == (peak, memory)


def test_a_gpu_that_is_elsewhere_needs_a_name_alone() -> None:
    device = device_of(Machine(gpu="H100", processes=8, nodes=2, rendezvous="first:1234"))
    assert (device.ranks, device.count, device.bf16) == (16, 16, True)
    assert device_of(Machine(gpu="H100", memory_gb=94)).memory == 94e9
    assert not device_of(Machine(gpu="T4")).bf16
    assert device_of(Machine(gpu="T4", precision="bf16")).bf16
    unknown = device_of(Machine(gpu="Q1"))
    assert unknown.memory is None
    assert unknown.peak is None


def test_a_cpu_is_one_however_many_processes_share_it() -> None:
    device = device_of(Machine(device="cpu", processes=4, threads=3, precision="fp32"))
    assert (device.gpu, device.ranks, device.count, device.bf16) == (False, 4, 1, False)
    assert device.name.endswith(", 3 threads")
    assert device.memory is not None
    assert device.memory > 1e8
    assert device_of(Machine(device="cpu", memory_gb=8)).memory == 8e9


def test_a_gpu_on_a_cpu() -> None:
    with pytest.raises(UserError, match=r"machine\.gpu: is H100, but device is cpu"):
        device_of(Machine(device="cpu", gpu="H100"))


def test_longer_names_are_tried_first() -> None:
    names = list(GPUS)
    assert all(later not in name or name == later for n, name in enumerate(names) for later in names[:n])
    assert Device(gpu=True, name="NVIDIA A100", memory=None, bf16=True).peak == 312e12  # and not that of an A10

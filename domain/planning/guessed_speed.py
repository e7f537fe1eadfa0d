"""How many FLOP/s a device learns with: as a training here has shown, as a matrix product shows, or as is usual."""

from __future__ import annotations

import time

import numpy as np

from domain.cost.device import Device

GPU_SHARE = {True: 0.35, False: 0.05}  # of the bf16 peak, a plain loop in bf16 and in fp32, whose peak is a fifteenth
UNKNOWN = 100e12  # the peak that is assumed of a GPU that is not in the table
# A loop of small layers against an fp32 matrix product of 1,024 on the same cores: bf16 learns as fast as that
# product, fp32 slower (2.6M parameters, 2 cores of an EPYC: 14,000 tokens/s with AVX-512, 5,300 without).
CPU_SHARE = {True: 1.0, False: 0.55}


def matmul_rate(size: int = 1_024, seconds: float = 0.3) -> float:
    """FLOP/s of an fp32 matrix product on this machine's CPU, the best of a short while."""
    left = np.ones((size, size), dtype=np.float32)
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - began)
    return 2.0 * size**3 / best


def guessed_rate(device: Device) -> tuple[float, str]:
    """(FLOP/s of one such device, where the figure comes from) before any training was measured on it."""
    if not device.gpu:
        return CPU_SHARE[device.bf16] * matmul_rate(), "a matrix product measured now"
    share = GPU_SHARE[device.bf16]
    if device.peak is None:
        return share * UNKNOWN, f"{device.name} is not known: {share:.0%} of {UNKNOWN / 1e12:.0f} TFLOP/s"
    return share * device.peak, f"{share:.0%} of {device.name}'s peak, a guess until one was measured"

"""How many FLOP/s this machine learns with: measured in a moment, or known of a GPU."""

from __future__ import annotations

import time

import numpy as np

# Dense bf16 peak in FLOP/s (the makers' data sheets), by a part of the device's name.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40": 181e12, "A10": 125e12, "T4": 65e12}
GPU_SHARE = 0.35  # of the peak, a plain loop
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


def learning_rate_of(device_name: str | None, *, bf16: bool) -> tuple[float, str]:
    """(FLOP/s, where the figure comes from) for the GPU of that name, or this machine's CPU (None)."""
    if device_name is None:
        return CPU_SHARE[bf16] * matmul_rate(), "a matrix product measured now"
    for part, peak in PEAKS.items():
        if part in device_name:
            return GPU_SHARE * peak, f"{GPU_SHARE:.0%} of {device_name}'s peak"
    return GPU_SHARE * 100e12, f"{device_name} is not known: 100 TFLOP/s are assumed"

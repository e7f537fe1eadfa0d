"""Spike handling: skip steps whose loss or gradient norm is NaN, infinite, or far above the recent ones."""

from __future__ import annotations

import torch

from domain.settings.learning import Spikes

# A norm up to this multiple of the mean is ordinary, however small the deviation: clipping handles it. In batches of
# 1,024 tokens, tables and repetitions reached 3.7 times the mean with losses below it, and 6 deviations were 1.6 times.
STEEP = 4.0


class SpikeGuard:
    """Judges a step from its loss and gradient norm, on the device, so that nothing waits for the host.

    A step is skipped if either is not finite, or lies more than ``sigmas`` standard deviations above the mean of the
    last ``window`` steps that were not skipped (OLMo-core uses 6 and 128), once half of the window is filled. A norm
    must also exceed ``STEEP`` times the mean.
    """

    def __init__(self, spec: Spikes, device: torch.device) -> None:
        self.sigmas = spec.sigmas
        self.history = torch.zeros((2, spec.window), dtype=torch.float64, device=device)
        self.least = torch.tensor([0.0, STEEP], dtype=torch.float64, device=device)
        self.taken = torch.zeros((), dtype=torch.int64, device=device)

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """The tensors to save in a checkpoint."""
        return {"guard.seen": self.history, "guard.taken": self.taken}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Restore the tensors of a checkpoint."""
        for name, tensor in self.state.items():
            tensor.copy_(state[name])

    def judge(self, loss: torch.Tensor, norm: torch.Tensor) -> torch.Tensor:
        """float32 scalar: 1 to skip the step; 0 to take it, which adds it to the history.

        Set as ``found_inf`` of a fused optimizer, 1 leaves weights, moments and step count unchanged.
        """
        new = torch.stack((loss.double(), norm.double()))
        window = self.history.shape[1]
        filled = self.taken.clamp(max=window)
        recorded = torch.arange(window, device=self.history.device) < filled
        mean = self.history.sum(1) / filled
        deviation = (((self.history - mean[:, None]) * recorded).square().sum(1) / (filled - 1).clamp(min=1)).sqrt()
        most = torch.maximum(mean + self.sigmas * deviation, mean * self.least)
        spike = (new > most) & (filled >= window // 2) & (self.sigmas > 0)
        skip = spike.any() | ~new.isfinite().all()
        place = (self.taken % window).expand(2, 1)
        previous = self.history.gather(1, place)
        self.history.scatter_(1, place, torch.where(skip, previous, new[:, None]))
        self.taken += ~skip
        return skip.float()

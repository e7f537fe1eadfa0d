"""Trunks: states before the decay of a WSD schedule, from which longer trainings branch off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from domain.files import remove
from domain.settings.learning import Training
from domain.spec import fingerprint
from domain.training.schedule import decay_begins
from domain.training.state.checkpoints import Checkpoints, Saved

# Settings that do not affect the steps before the decay; of the mixture only the phases that have begun count.
FREE = {"tokens", "decay_share", "final_rate", "mixture", "embedding_warmup"}


class Trunk:
    """States of trainings at the step where their decay begins, keyed by everything that affects earlier steps.

    A training finds a trunk if spec, text and base agree up to that step. Since trainings are bit-exact across
    interruptions, one that continues from a trunk ends with the weights that it would have had from the start. With
    ``only``, a saved state replaces all others in the folder of trunks.
    """

    def __init__(
        self, trunks: Path, spec: Training, steps: int, alone: int, digests: Mapping[str, str], *, only: bool = False
    ) -> None:
        self.begins = decay_begins(spec, steps) if spec.decay == "wsd" else 0
        mixture = spec.mixture.model_dump(mode="json", exclude={"phases", "domain", "general"})
        phases = [(batch, shares) for batch, shares in spec.mixture.schedule(steps) if batch < self.begins]
        settings = {name: value for name, value in spec.identity_key().items() if name not in FREE}
        alike = fingerprint({**settings, **digests, "mixture": mixture, "phases": phases, "alone": alone})
        self.folder, self.only = trunks / alike[:16], only

    def steps(self) -> list[int]:
        """Steps from which this training can branch off, latest first."""
        names = (each.name for each in self.folder.glob("[0-9]*")) if self.begins else ()
        steps = (int(name) for name in names if re.fullmatch("[0-9]{1,15}", name))
        return sorted((step for step in steps if step <= self.begins), reverse=True)

    def find(self, model: nn.Module, optimizer: Optimizer) -> Saved | None:
        """Restore the latest state from which this training can continue; None if there is none."""
        for step in self.steps():
            with Checkpoints(self.folder / str(step), model, optimizer) as checkpoints:
                if (saved := checkpoints.load()) is not None:
                    return saved
        return None

    def keep(
        self, step: int, model: nn.Module, optimizer: Optimizer, state: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> None:
        """Save the state at the beginning of the decay, for later trainings."""
        with Checkpoints(self.folder / str(step), model, optimizer) as checkpoints:
            checkpoints.save(step, state, tensors=tensors, wait=True)
            if self.only:
                checkpoints.on_rank_zero(partial(self.clear, self.folder / str(step)))

    def clear(self, but: Path) -> None:
        """Remove all states but ``but``, those of other trunks too."""
        for each in (*self.folder.parent.iterdir(), *self.folder.iterdir()):
            if each not in (but, self.folder):
                remove(each)

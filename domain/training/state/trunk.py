"""The trunk of trainings at a constant rate, from which later ones branch off instead of beginning anew."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from domain.settings.learning import Training
from domain.spec import fingerprint
from domain.training.schedule import decay_begins
from domain.training.state.checkpoints import Checkpoints, Saved

FREE = {
    "tokens",
    "decay_share",
    "final_rate",
    "mixture",
    "embedding_warmup",
}  # what the steps before the decay don't know


class Trunk:
    """States at the moments at which trainings that are alike up to there began to decay.

    Only such trainings find each other's: same spec but for its end, same text, same base. Since a training is exact
    across interruptions, one that goes on from a trunk ends with the weights that it would have had without it.
    With ``only``, each state that is put by takes the place of all others in the folder of trunks.
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
        """Where it can be branched off by this training, the latest first."""
        steps = (int(each.name) for each in self.folder.glob("[0-9]*")) if self.begins else ()
        return sorted((step for step in steps if step <= self.begins), reverse=True)

    def find(self, model: nn.Module, optimizer: Optimizer) -> Saved | None:
        """The latest state of the trunk that this training passes through, put into model and optimizer."""
        for step in self.steps():
            with Checkpoints(self.folder / str(step), model, optimizer) as checkpoints:
                if (saved := checkpoints.load()) is not None:
                    return saved
        return None

    def keep(
        self, step: int, model: nn.Module, optimizer: Optimizer, state: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> None:
        """Put the state at the beginning of the decay by, for those that come after."""
        with Checkpoints(self.folder / str(step), model, optimizer) as checkpoints:
            checkpoints.save(step, state, tensors=tensors, wait=True)
            if self.only:
                checkpoints.first(partial(self.clear, self.folder / str(step)))

    def clear(self, but: Path) -> None:
        """Remove all other states, those of other trunks too."""
        for each in (*self.folder.parent.iterdir(), *self.folder.iterdir()):
            if each not in (but, self.folder):
                shutil.rmtree(each)

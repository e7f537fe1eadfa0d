"""The ground: text, tokens, models, learning, scoring and artifacts, with torch alone."""

from domain.artifacts import (
    Artifact,
    Checkpoint,
    Corpus,
    Datasheet,
    Decision,
    Protected,
    Raw,
    Release,
    Scorecard,
    Tokenizer,
    Tokens,
    Verdict,
)
from domain.errors import UserError
from domain.inference.generate import generate
from domain.machine import Machine
from domain.model.spec import Base, Scratch
from domain.release.bundle import ReleaseSpec, release
from domain.settings.learning import Learning, Training
from domain.spec import Spec
from domain.stage import Stage, Store, stage
from domain.tokenizer.fit import Fitting, fit
from domain.tokens.encode import Encoding, encode
from domain.tokens.mixture import Mixture
from domain.training.pretrain import prepare, pretrain
from domain.training.tune import Tuning, tune

__all__ = [
    "Artifact",
    "Base",
    "Checkpoint",
    "Corpus",
    "Datasheet",
    "Decision",
    "Encoding",
    "Fitting",
    "Learning",
    "Machine",
    "Mixture",
    "Protected",
    "Raw",
    "Release",
    "ReleaseSpec",
    "Scorecard",
    "Scratch",
    "Spec",
    "Stage",
    "Store",
    "Tokenizer",
    "Tokens",
    "Training",
    "Tuning",
    "UserError",
    "Verdict",
    "encode",
    "fit",
    "generate",
    "prepare",
    "pretrain",
    "release",
    "stage",
    "tune",
]

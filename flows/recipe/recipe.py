"""The schema of a recipe, composed of the settings that each package defines."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, model_validator

from corpora.collect import Collection
from corpora.curate import Curation
from corpora.plugins import Plugins
from domain.advice import shown
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base
from domain.planning.published_rates import careful_rate
from domain.pretrained.weights import is_local
from domain.release.bundle import ReleaseSpec
from domain.settings.learning import Training
from domain.spec import Spec
from domain.tokenizer.fit import Fitting
from domain.training.tune import Tuning
from domain.url_secrets import has_user
from domain.yamlfile import YAML_DEPTH, parse_yaml, read_yaml
from evals.evaluate import Evaluation
from evals.gate import Gates
from flows.recipe.errors import validated
from flows.recipe.pilot import Pilot, TokenizerSettings

RECIPE_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,99}$")
SHIPPED = Path(__file__).resolve().parent.parent.parent / "domain" / "recipes"


class CorpusSettings(Collection, Curation):
    """The text to collect, and how it is cleaned."""

    @model_validator(mode="after")
    def _says_it_at_the_sources(self) -> CorpusSettings:
        for name, key in (("source_filters", "filters"), ("keep_near", "near")):
            if getattr(self, name):
                raise ValueError(f"{name} is filled from the sources; write {key}: at the source itself")
        settings: dict[str, tuple[object, bool]] = {}
        for _, source in self.sources():
            own = (source.filters, source.near)
            if settings.setdefault(source.title, own) != own:
                raise ValueError(f"two sources are called {source.title} and differ in filters or near; name one")
        return self

    def curation(self) -> Curation:
        """How it is cleaned, with what single sources say of it."""
        sources = [source for _, source in self.sources()]
        return self.narrow(Curation).replace(
            source_filters={each.title: each.filters for each in sources if each.filters is not None},
            keep_near=tuple(dict.fromkeys(each.title for each in sources if not each.near)),
        )


class Budget(Spec):
    """The GPU hours for the adapted model and its control, of which ``plan`` derives ``training.tokens``."""

    gpus: Annotated[int, Field(ge=1, le=100_000)] = 1
    hours: Annotated[float, Field(gt=0, le=10**6)]


class ReleaseSettings(Spec):
    """Licence, gates and model card of a release."""

    licence: Annotated[
        str, Field(max_length=200, description="licence of the released weights, as an SPDX id in lower case")
    ]
    gates: Gates = Gates()
    intended_use: Annotated[str, Field(max_length=20_000, description="best use cases, for the model card")] = ""
    limitations: Annotated[str, Field(max_length=20_000, description="known limitations, for the model card")] = ""


class Recipe(Spec):
    """One domain, from sources to release."""

    name: Annotated[str, Field(pattern=RECIPE_NAME.pattern, max_length=100, description="lower case, digits, hyphens")]
    base: Base
    budget: Budget | None = None
    corpus: CorpusSettings
    tokenizer: TokenizerSettings = TokenizerSettings()
    training: Training = Training()
    pilot: Pilot = Pilot()
    evaluation: Evaluation = Evaluation()
    instruction_tuning: Tuning | None = None
    release: ReleaseSettings

    _written: dict[str, object] = PrivateAttr(default_factory=dict)
    _warnings: list[str] = PrivateAttr(default_factory=list)
    _file: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        mode = self.tokenizer.mode
        if mode != "train" and not self.base.weights:
            raise ValueError(f"tokenizer.mode is {mode}, but a base from scratch has no tokenizer; set it to train")
        for name, tokens, batch in (
            ("base.tokens", self.base.tokens, self.base.learning.batch),
            ("training.tokens", self.training.tokens, self.training.batch),
        ):
            if tokens is not None and tokens < batch:
                raise ValueError(f"{name} is {tokens:,}, fewer than one batch of {batch:,}; raise it")
        wanted, scratch = self.training.objective, self.base.scratch
        if scratch is not None and scratch.family != wanted.family:
            raise ValueError(
                f"training.objective is {wanted.kind}, for the family {wanted.family}, but base.scratch.architecture "
                f"is {scratch.architecture}, of the family {scratch.family}; change one of them"
            )
        if self.instruction_tuning is not None and wanted.family == "encoder":
            raise ValueError(
                f"training.objective is {wanted.kind}, and an encoder does not follow instructions; "
                "use it to classify or tag, and take instruction_tuning out"
            )
        return self

    @property
    def file(self) -> str:
        """The recipe's file, as an absolute path."""
        return self._file

    @property
    def warnings(self) -> list[str]:
        """Defaults that depend on the base and should be measured."""
        return list(self._warnings)

    @property
    def start(self) -> Base:
        """The base's spec; a base from scratch is trained with the objective of ``training``."""
        if self.base.scratch is None:
            return self.base
        return self.base.replace(learning=self.base.learning.replace(objective=self.training.objective))

    @property
    def fitting(self) -> Fitting:
        """The tokenizer's spec, with the base (whose tokenizer may be kept) and the objective (special tokens)."""
        return self.tokenizer.narrow(Fitting).replace(base=self.base.weights, objective=self.training.objective.kind)

    @property
    def arms(self) -> dict[str, Training]:
        """The trainings of the adapted model, and of the control: as many tokens of general text only."""
        return {
            "adapted": self.training,
            "control": self.training.replace(mixture=self.training.mixture.alone("general")),
        }

    @property
    def bundle(self) -> ReleaseSpec:
        """The release's spec."""
        words = {name: getattr(self.release, name) for name in ("licence", "intended_use", "limitations")}
        return ReleaseSpec(name=self.name, recipe=self._written, **words)


def shipped() -> dict[str, Path]:
    """The recipes that come with Shoptalk, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find_recipe(name: str) -> Path:
    """The file of a recipe: a path, with or without .yaml, or the name of a shipped one."""
    path = shipped().get(name, Path(name))
    if not os.path.isfile(path) and os.path.isfile(f"{name}.yaml"):
        path = Path(f"{name}.yaml")
    if not os.path.isfile(path):
        near = get_close_matches(name[:100], shipped(), 1)
        hint = f"did you mean {near[0]}? " if near else ""
        names = ", ".join(shipped())
        raise UserError(name, "no such recipe file", f"{hint}name a YAML file, or one that ships: {names}")
    return path


def load_recipe(name: str, overrides: Sequence[str] = (), machine: Machine | None = None) -> Recipe:
    """Read and validate a recipe, ``a.b=c`` overrides applied; paths in it are relative to its folder.

    Sources and filters of one's own are imported if the profile of the ``machine`` names them in ``plugins``.

    Raises an ``ExceptionGroup`` with a ``UserError`` for every error, or one ``UserError``.
    """
    path = find_recipe(name)
    content = contents(path)
    for override in overrides:
        apply(content, override)
    refuse_users(content, str(path))
    written = copied(content)
    base = content.get("base")
    if isinstance(base, dict) and isinstance(base.get("weights"), str):
        base["weights"] = from_folder(path.parent, base["weights"])
    elif isinstance(base, str):
        content["base"] = from_folder(path.parent, base)
    recipe = with_careful_rate(validated(Recipe, content, path, Plugins.of(machine or Machine())))
    recipe._file = str(path.resolve())
    recipe._written = written  # paths as in the file, not as on this machine
    return recipe


def refuse_users(content: object, place: str, step: str = ":") -> None:
    """Raise ``UserError`` for an address with a user or password; a library that reads it may quote a part of it."""
    if isinstance(content, dict):
        for key, value in content.items():
            refuse_users(value, f"{place}{step}{' ' if step == ':' else ''}{key}", ".")
    elif isinstance(content, list):
        for number, value in enumerate(content):
            refuse_users(value, f"{place}.{number}", ".")
    elif isinstance(content, str) and has_user(content):
        problem = f"{content} has a user or a password, which sources do not take"
        raise UserError(place, problem, "remove them; a signed address may have its signature in the query")


def recipe_name(name: str) -> str:
    """The name that a recipe states; the rest of it is not validated. Raises ``UserError``."""
    path = find_recipe(name)
    stated = contents(path).get("name")
    if not isinstance(stated, str) or not RECIPE_NAME.fullmatch(stated):
        raise UserError(f"{path}: name", f"found {shown(stated)}", "use lower case, digits and hyphens")
    return stated


def contents(path: Path) -> dict[str, Any]:
    """The keys and values of a recipe's file."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(str(path), f"holds {type(content).__name__}, not keys and values", "begin with name: ...")
    return copied(content)


def copied(content: dict[str, Any]) -> dict[str, Any]:
    """A deep copy in which no two places share a value, as those do that YAML's aliases repeat."""
    copy: dict[str, Any] = json.loads(json.dumps(content))
    return copy


def with_careful_rate(recipe: Recipe) -> Recipe:
    """The recipe; on a public base and without a learning rate, with a tenth of the base's published peak."""
    careful = careful_rate(recipe.base.weights)
    if careful is None or "learning_rate" in recipe.training.model_fields_set:
        return recipe
    rate, why = careful
    recipe = recipe.replace(training=recipe.training.replace(learning_rate=rate))
    warning = f"training.learning_rate is not set; using {rate:g}, {why}; shoptalk pilot measures a better one"
    recipe._warnings = [warning]
    return recipe


def from_folder(folder: Path, weights: str) -> str:
    """Local weights as an absolute path, relative to the recipe's folder; a hub id as it is."""
    beside = os.path.realpath(folder / os.path.expanduser(weights))
    return beside if os.path.exists(beside) or is_local(weights) else weights


def apply(content: Any, override: str) -> None:
    """Set ``a.b=c`` in nested mappings and lists; the value is read as YAML."""
    key, equals, text = override.partition("=")
    steps = key.strip().split(".")
    if not equals or not all(steps):
        raise UserError(
            f"--set {override}", "does not have the form a.b=value", "write for instance --set training.tokens=2M"
        )
    value, here = parse_yaml(text, f"--set {key.strip()}"), content
    try:
        if len(steps) > YAML_DEPTH:
            raise IndexError
        for step in steps[:-1]:
            if isinstance(here, list):
                here = here[place_in_list(step)]
            elif isinstance(here, dict):
                if not isinstance(here.get(step), dict | list):
                    here[step] = {}
                here = here[step]
        if isinstance(here, list):
            here[place_in_list(steps[-1])] = value
        elif isinstance(here, dict):
            here[steps[-1]] = value
        else:
            raise IndexError
    except IndexError:
        raise UserError(f"--set {override}", "names no place in the recipe", "count list items from 0") from None


def place_in_list(step: str) -> int:
    """The place that a step of digits names; raises ``IndexError`` for any other, such as -1."""
    if not re.fullmatch("[0-9]{1,6}", step):
        raise IndexError
    return int(step)

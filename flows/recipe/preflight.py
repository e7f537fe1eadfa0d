"""Checks that a recipe's sources, base, tasks and instruction examples exist and can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from shlex import quote

from corpora.collect import refuse_licences
from corpora.document import Document, Quarantined
from corpora.sources.files import Files
from corpora.sources.hub import Hub
from corpora.sources.packages import Packages, version
from corpora.sources.source import Source
from domain.errors import UserError
from domain.machine import Machine
from domain.model.chat_base import check_chat_base
from domain.model.families import family_of
from domain.pretrained.folder import CONFIG, read_object
from domain.pretrained.weights import is_local, pinned, weight_files, weights_folder
from domain.units import size
from evals.tasks import load_task
from flows.recipe.recipe import Recipe

SAMPLED = 5  # records of each source that check reads


def named(recipe: Recipe, machine: Machine) -> Iterator[tuple[bool, str]]:
    """(Whether it can be used, what it is) for each source, the base, each task and the instruction examples."""
    for part, source in recipe.corpus.sources():
        try:
            yield True, f"{part} text: {there(source, machine)}{sampled(part, source, recipe, machine)}"
        except UserError as error:
            yield False, str(error)
    try:
        yield True, f"base: {base(recipe)}"
    except UserError as error:
        yield False, str(error)
    for refuse in (refuse_no_tokens, lambda each: refuse_device(machine)):
        try:
            refuse(recipe)
        except UserError as error:
            yield False, str(error)
    for name in (*recipe.evaluation.domain, *recipe.evaluation.general):
        try:
            yield True, f"task {name}: {len(load_task(name).items)} items"
        except UserError as error:
            yield False, str(error)
    if recipe.instruction_tuning:
        try:
            count = recipe.instruction_tuning.check()
            yield True, f"instruction examples: {recipe.instruction_tuning.path}, {count:,} of them"
        except UserError as error:
            yield False, str(error)


def there(source: Source, machine: Machine) -> str:
    """What a source contains, without reading it; raises ``UserError`` if it does not exist."""
    if isinstance(source, Files):
        system, _, paths = source.locate(machine)
        return f"{source.title}, {len(paths)} files, {size(sum(system.size(path) or 0 for path in paths))}"
    if isinstance(source, Packages):
        for name in source.distributions:
            version(name)
        return f"{source.title}, {len(source.distributions)} distributions installed"
    if isinstance(source, Hub):
        if source.local:
            return f"{source.title}, local"
        return f"{source.title}, pinned at {str(source.revision)[:12]}; it is read by the run"
    return f"{source.title}, of kind {source.kind}; it is fetched by the run"


def on_this_machine(source: Source) -> bool:
    """Whether a source can be read without a network."""
    return isinstance(source, Files | Packages) or (isinstance(source, Hub) and source.local)


def first_records(source: Source, machine: Machine, number: int) -> list[Document | Quarantined]:
    """The first records of a source, none where that takes a network.

    Of a dataset they come from its first file: a sample would be drawn from up to 1 GB of it.
    """
    if not on_this_machine(source):
        return []
    if isinstance(source, Hub):
        source = source.model_copy(update={"documents_at_most": None})
    return list(islice(source.documents(machine), number))


def sampled(part: str, source: Source, recipe: Recipe, machine: Machine) -> str:
    """How many of the first records of a source on this machine are documents.

    Raises ``UserError`` if none is, or if a licence is not allowed.
    """
    if not on_this_machine(source):
        return ""
    records = first_records(source, machine, SAMPLED)
    documents = [record for record in records if isinstance(record, Document)]
    if not documents:
        reason = next((record.reason for record in records if isinstance(record, Quarantined)), "")
        problem = f"{source.title} has no document" + (f": {reason}" if reason else "")
        raise UserError(f"corpus.{part}", problem, "correct path and columns")
    licences = Counter(document.licence or "unknown" for document in documents)
    refuse_licences([{"part": part, "source": source.title, "licences": dict(licences)}], recipe.corpus.licences)
    return f"; {len(documents)} of the first {len(records)} records read"


def refuse_no_tokens(recipe: Recipe, *, derived: bool = True) -> None:
    """Raise a ``UserError`` where nothing says how long to train; without ``derived`` a budget alone does not."""
    if recipe.training.tokens is None and recipe.budget is None:
        raise UserError("training.tokens", "is not set, and no budget is", "set training.tokens, or budget.hours")
    if recipe.training.tokens is None and not derived:
        fix = f"shoptalk plan {quote(str(recipe.file))} --write derives it from the budget"
        raise UserError("training.tokens", "is not set", fix)


def refuse_device(machine: Machine) -> None:
    """Raise a ``UserError`` if the profile asks for a GPU and there is none."""
    if machine.device != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        raise UserError("--device cuda", "no CUDA device is available", "use --device auto, or install CUDA's drivers")


def refuse_family(recipe: Recipe, folder: Path) -> None:
    """Raise a ``UserError`` if the objective is for another family than the base's."""
    objective = recipe.training.objective
    family = family_of(read_object(folder / CONFIG, "base"))
    if family != objective.family:
        problem = f"{objective.kind} is for the family {objective.family}, and the base is of the family {family}"
        raise UserError("training.objective", problem, "choose another base or objective")


def base(recipe: Recipe) -> str:
    """What the base is; raises ``UserError`` if its weights do not exist. Nothing is downloaded."""
    scratch, weights = recipe.base.scratch, recipe.base.weights
    check_chat_base(recipe.base, fetch=False)
    if scratch is not None:
        return f"{scratch.architecture} of {scratch.layers} layers and width {scratch.width}, from scratch"
    if is_local(weights):
        files = weight_files(weights)
        refuse_family(recipe, weights_folder(weights))
        return f"{weights}, {size(sum(file.stat().st_size for file in files))}"
    name, revision = pinned(weights)
    return f"{name}, pinned at {revision[:12]}; it is downloaded by the run"

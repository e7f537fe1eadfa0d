"""The plan of a recipe: what its base, trainings, pilots and scoring take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from corpora.curation.losses import foreseen
from corpora.document import Document
from domain.artifacts import PARTS
from domain.errors import UserError
from domain.machine import Machine
from domain.model.chat_base import check_chat_base
from domain.planning.expected import BYTES_PER_TOKEN
from domain.planning.plan import Plan, make_plan
from domain.pretrained.weights import is_local
from domain.tokenizer.encoding.texts import load_tokenizer
from domain.tokenizer.encoding.tokenizer_file import encoding_errors
from domain.tokenizer.files import tokenizer_folder
from evals.tasks import load_task
from flows.recipe.preflight import base, first_records
from flows.recipe.recipe import Recipe

FILTERED = 100  # documents of each source, on which filters of rules are tried
SAMPLED = 20  # documents of each source, by which the bytes of a token are measured


def plan_of(recipe: Recipe, machine: Machine, *, derive: bool = False) -> Plan:
    """The plan of a recipe; with ``derive`` its tokens are those that the budget pays for, whatever it states."""
    check_chat_base(recipe.base)
    base(recipe)
    for name in (*recipe.evaluation.domain, *recipe.evaluation.general):
        load_task(name)
    budget = recipe.budget.gpus * recipe.budget.hours * 3600 if recipe.budget else None
    training = recipe.training.replace(tokens=None) if derive else recipe.training
    # Three pilots say whether an extended tokenizer is worth its price.
    pilots = 3 * recipe.tokenizer.pilot.share if recipe.tokenizer.mode == "extend" else 0.0
    scored = len(PARTS) * recipe.evaluation.bytes
    return make_plan(
        recipe.base, recipe.fitting, training, machine, budget, scored, pilots, recipe.instruction_tuning,
        base_bytes_per_token(recipe, machine) or BYTES_PER_TOKEN,
    )  # fmt: skip


def base_bytes_per_token(recipe: Recipe, machine: Machine) -> float | None:
    """UTF-8 bytes per token of the mixture under the base's tokenizer, from the first documents of each source.

    None where that tokenizer or a part's text is not on this machine, or a tokenizer is trained.
    """
    if recipe.tokenizer.mode == "train" or not is_local(recipe.base.weights):
        return None
    texts: dict[str, list[str]] = {part: [] for part in PARTS}
    for part, source in recipe.corpus.sources():
        with suppress(UserError):  # check names what is wrong with a source
            records = first_records(source, machine, SAMPLED)
            texts[part] += [record.text for record in records if isinstance(record, Document)]
    if not all(texts.values()):
        return None
    tokenizer = load_tokenizer(tokenizer_folder(recipe.base.weights, "base")).backend_tokenizer
    ratio = 0.0
    for part, share in recipe.training.mixture.shares.items():
        with encoding_errors("base"):
            tokens = sum(len(each.ids) for each in tokenizer.encode_batch(texts[part], add_special_tokens=False))
        ratio += share * sum(len(text.encode()) for text in texts[part]) / max(1, tokens)
    return ratio


def filters_foreseen(recipe: Recipe, machine: Machine) -> Iterator[str]:
    """Where filters of rules would take much of a source on this machine, by its first documents."""
    spec = recipe.corpus.curation()
    for part, source in recipe.corpus.sources():
        with suppress(UserError):  # check names what is wrong with a source
            records = first_records(source, machine, FILTERED)
            documents = [record for record in records if isinstance(record, Document) and record.text]
            if documents:
                filters = spec.source_filters.get(source.title, spec.filters)
                yield from foreseen(part, source.title, documents, filters)

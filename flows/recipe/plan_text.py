"""A plan as lines of text, one for each quantity."""

from __future__ import annotations

from collections.abc import Iterator

from domain.cost.flops import optimal_tokens
from domain.machine import Machine
from domain.planning.expected import BYTES_PER_TOKEN
from domain.planning.footprint import cache, cache_per_token, weights
from domain.planning.layouts import Fit
from domain.planning.memory import Memory
from domain.planning.plan import Plan
from domain.planning.tuning import Examples
from domain.units import amount, duration, size
from flows.recipe.planned import FILTERED, filters_foreseen
from flows.recipe.preflight import on_this_machine
from flows.recipe.recipe import Recipe

SERVED = 16  # texts at once, of which each is as long as the context
NEAR = (0.5, 2.0)  # times the optimal tokens, between which a recipe is called about right


def lines(recipe: Recipe, machine: Machine, plan: Plan) -> Iterator[tuple[str, str]]:
    """(What, how much)."""
    shape, row = plan.shape, plan.row
    stacks = f"{shape.encoder_layers} + {shape.layers}" if shape.encoder_layers else f"{shape.layers}"
    learning = "" if plan.learning == shape.parameters else f"; {amount(plan.learning)} of them learn, with LoRA's"
    yield (
        "parameters",
        f"{shape.parameters:,} ({stacks} layers of width {shape.width}, {shape.vocabulary:,} pieces){learning}",
    )
    read = ", ".join(f"{label} {amount(count)}" for label, count in plan.tokens.items())
    passed = f", of which {row.read:.0f} are read and {row.written:.0f} written" if row.read and row.written else ""
    yield "tokens", f"{read}, in rows of {row.raw:,.0f}{passed}{' (derived from the budget)' if plan.derived else ''}"
    text = ", ".join(f"{size(count)} {part}" for part, count in plan.text_needed.items())
    source = "assumed" if plan.bytes_per_token == BYTES_PER_TOKEN else "of the base's tokenizer"
    yield "text", f"{text} read once, at {plan.bytes_per_token:.3g} bytes per token ({source})"
    yield "compute", f"{plan.flops:.3g} FLOPs: {formula(recipe, machine, plan)}"
    yield from time(recipe, plan)
    yield "memory", f"{memory_text(plan.memory)}, in each process"
    if plan.memory.host:
        yield "host", f"{size(plan.memory.host)} beside each GPU for the checkpoint that is being written"
    yield from fit(plan)
    if plan.examples and recipe.instruction_tuning:
        yield "tuning", tuning(plan, plan.examples, recipe.instruction_tuning.epochs)
    served = ", ".join(f"{size(count)} in {name}" for name, count in weights(shape).items())
    each = cache_per_token(shape)
    cached = f"; keys and values {size(each)} a token, {size(cache(shape, 1))} for a text of {shape.context:,}, "
    cached += f"{size(cache(shape, SERVED))} for {SERVED}"
    yield "serving", f"{served}{cached if each else ''}"
    parts = ", ".join(f"{part} {size(count)}" for part, count in plan.disk.items())
    yield "disk", f"{size(sum(plan.disk.values()))}: {parts}; more where the sources hold more"
    if recipe.base.scratch:
        yield "law", law(plan)
    if plan.alone:
        note = "cannot keep documents of one row apart: it reads one document a row, filled up to the longest"
        yield "note", f"{shape.architecture} {note}; tokens above count what is filled up too"
    for loss in filters_foreseen(recipe, machine):
        yield "filters", loss
    for warning in recipe.warnings:
        yield "note", warning


def curation_lines(recipe: Recipe, machine: Machine) -> Iterator[tuple[str, str]]:
    """(What, how much) of a run up to ``curate``: the sources that lose much to a filter. No base is needed."""
    losses = list(filters_foreseen(recipe, machine))
    for loss in losses:
        yield "filters", loss
    if not losses:
        yield "filters", f"none takes more than a third of a source's first {FILTERED} documents"
    for part, source in recipe.corpus.sources():
        if not on_this_machine(source):
            yield "note", f"{source.title} ({part}) is not tried: it is not on this machine"
    for warning in recipe.warnings:
        yield "note", warning


def formula(recipe: Recipe, machine: Machine, plan: Plan) -> str:
    """How the FLOPs were worked out."""
    row, share = plan.row, plan.row.predicted / plan.row.raw
    text = "6 N D and 12 layers x width x row a token for attention; what is looked up costs nothing, the head does"
    if row.read and row.written:
        text = (
            f"6 x the parameters that a token passes: of {row.raw:.0f} tokens {row.read:.0f} pass the encoder and "
            f"{row.written:.0f} the decoder{'; about 6 (N/2) D' if row.written < row.read / 2 else ', about 6 N D'}"
        )
    elif row.read:
        text += f" at {share:.0%} of the positions"
    if recipe.training.lora:
        text += "; frozen layers take 4 N instead"
    again = {
        "none": "",
        "selective": "; recomputing all but products adds a few percent",
        "full": f"; recomputing the layers makes that {plan.done:.3g} (8 N D)",
    }
    return text + again[machine.recompute]


def time(recipe: Recipe, plan: Plan) -> Iterator[tuple[str, str]]:
    """Hours, by training, and at what speed."""
    count, what = plan.device.count, "GPU-hours" if plan.device.gpu else "hours of a machine"
    each = ", ".join(
        f"{label} {duration(one.seconds + one.validation_seconds)}" for label, one in plan.trainings.items()
    )
    first = "" if plan.speed.measured else "; not yet measured on this machine"
    paid = f", {plan.seconds * count / 3600:.3g} {what}" if plan.device.gpu or count > 1 else ""
    yield (
        "time",
        f"{duration(plan.seconds)} of training ({each}){paid}, and {duration(plan.scoring_seconds)} of scoring;"
        f" collecting and cleaning are not included{first}",
    )
    where = f"{count} x {plan.device.name}" if count > 1 else plan.device.name
    precision = "bf16" if plan.device.bf16 else "fp32"
    rate = plan.speed.flops_per_second
    yield "speed", f"{rate / 1e12:.3g} TFLOP/s on {where} in {precision} ({plan.speed.source})"
    if recipe.pilot.budget:
        more = recipe.pilot.budget * plan.trainings["adapted"].seconds
        yield "pilots", f"up to {duration(more)} more for shoptalk pilot, which chooses share and learning rate"


def tuning(plan: Plan, examples: Examples, epochs: int) -> str:
    """Examples, steps, and memory; its tokens and its time stand with the others'."""
    left = f" ({examples.longer:,} more too long)" if examples.longer else ""
    length = examples.row.raw
    return (
        f"{examples.count:,} examples of about {examples.tokens:,.0f} tokens{left}, {epochs} times: {examples.steps:,} "
        f"steps of {examples.rows:,} rows of {length:,.0f}; {size(plan.trainings['tuning'].memory.peak)} at most"
    )


def memory_text(memory: Memory) -> str:
    """The most at one moment, and the parts of which not all are there at the same time."""
    parts = ", ".join(f"{part} {size(count)}" for part, count in memory.parts.items() if count)
    return f"{size(memory.peak)} at most: {parts}"


def fit(plan: Plan) -> Iterator[tuple[str, str]]:
    """What fits into the device's memory."""
    device = plan.device
    if device.memory is None:
        yield "fits", f"how much {device.name} holds is not known here: set memory_gb in the machine profile"
        return
    place = f"{size(device.memory)} of {device.name if device.gpu else 'this machine'}"
    if plan.fits:
        yield "fits", f"in the {place}: {layout(plan, plan.fits)}"
    elif device.gpu and device.ranks == 1:
        yield "fits", f"not in the {place}, however little goes through at once"
    else:
        yield "fits", f"not in the {place}, shared by {device.ranks} processes"
    if plan.fewest and plan.fewest.how.ranks != device.ranks:
        ranks = plan.fewest.how.ranks
        yield "", f"on {ranks} such GPU{'s' if ranks > 1 else ''}: {layout(plan, plan.fewest)}"
    elif not plan.fits and not plan.fewest and device.gpu:
        yield "", f"nor on more of them: a batch has {plan.trainings['adapted'].how.rows} rows; raise training.batch"


def layout(plan: Plan, fit: Fit) -> str:
    """Which profile fits."""
    tokens = fit.how.together * int(plan.row.written or plan.row.read)
    return f"micro_batch: {tokens}, recompute: {fit.how.recompute} ({size(fit.memory.peak)})"


def law(plan: Plan) -> str:
    """Chinchilla's word on a model from scratch."""
    optimal = optimal_tokens(plan.shape.parameters)
    read = plan.tokens["base"] + plan.tokens["adapted"]
    times, (low, high) = read / optimal, NEAR
    word = "about right"
    if times < low:
        word = "under it: with these FLOPs a smaller model on more tokens would be better"
    elif times > high:
        word = "over it: a larger model would learn more from these FLOPs, this one is cheaper to serve"
    fitted = "" if plan.shape.family == "decoder" else "; the law was fitted to decoders"
    return (
        f"compute-optimal at {amount(optimal)} tokens (arXiv 2404.10102); base and adapted read {amount(read)}, "
        f"{times:.2g} times that, {word}{fitted}"
    )

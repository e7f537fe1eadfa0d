"""The plan of a recipe: its trainings, layouts that fit in memory, and disk space."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.cost.device import Device, device_of
from domain.cost.flops import flops_per_token
from domain.cost.shape import Shape, shape_of
from domain.cost.token_flow import TokenFlow, token_flow
from domain.errors import UserError
from domain.machine import Machine
from domain.model.spec import Base, padded
from domain.planning.activations import ONE_DOCUMENT_PER_ROW
from domain.planning.expected import (
    BYTES_PER_TOKEN,
    Expected,
    context_of,
    done_of,
    expect,
    setting,
)
from domain.planning.footprint import on_disk
from domain.planning.layouts import Fit, fewest, room_of, within
from domain.planning.memory import Memory, Setting, learning_parameters, training_memory
from domain.planning.speed import Measured, Speed, speed_of
from domain.planning.tuning import Examples, count_examples, expect_tuning
from domain.settings.learning import MICRO_BATCH, Learning, Training
from domain.tokenizer.fit import Fitting
from domain.training.tune import Tuning

ARMS = 2  # the adapted model and its control
EVALUATION_SHARE = 0.05  # of the budget, reserved for scoring


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Counts in tokens and parameters, sizes in bytes, times in seconds.

    ``trainings`` are in order; the pilots of a tokenizer are one entry. ``fits`` is None if nothing fits on these
    devices, or if their memory (``room``) is unknown; ``fewest`` is the layout on the smallest number of GPUs.
    ``examples`` are those of instruction tuning.
    """

    shape: Shape
    row: TokenFlow
    context: int
    device: Device
    speed: Speed
    trainings: dict[str, Expected]
    scoring_seconds: float
    learning: float
    room: float | None
    fits: Fit | None
    fewest: Fit | None
    text_needed: dict[str, float]
    disk: dict[str, float]
    derived: bool
    alone: bool
    examples: Examples | None
    bytes_per_token: float

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens of text that each training reads."""
        return {label: each.tokens for label, each in self.trainings.items()}

    @property
    def flops(self) -> float:
        """Model FLOPs of all trainings, without recomputation."""
        return sum(each.flops for each in self.trainings.values())

    @property
    def done(self) -> float:
        """Computed FLOPs of all trainings."""
        return sum(each.done for each in self.trainings.values())

    @property
    def seconds(self) -> float:
        """Time of all trainings, including validation."""
        return sum(each.seconds + each.validation_seconds for each in self.trainings.values())

    @property
    def memory(self) -> Memory:
        """Memory of a process that trains an arm."""
        return self.trainings["adapted"].memory


def make_plan(
    base: Base,
    fitting: Fitting,
    training: Training,
    machine: Machine,
    budget_seconds: float | None,
    scored_bytes: int = 0,
    pilots: float = 0.0,
    tuning: Tuning | None = None,
    bytes_per_token: float = BYTES_PER_TOKEN,
) -> Plan:
    """Compute the plan; if ``training.tokens`` is not set, it is derived from the budget (device-seconds).

    The base and each arm score ``scored_bytes`` of held-out text. ``pilots`` is the share of an arm's tokens that all
    pilots read together. Reads the examples file of ``tuning``. ``bytes_per_token`` is the tokenizer's, if it is known.
    """
    device = device_of(machine)
    extends = fitting.mode == "extend"
    targets = training.lora.targets if training.lora else ()
    shape = shape_of(base, padded(fitting.vocab_size, base.pad_rows) if fitting.mode == "train" else None, targets)
    if extends:
        shape = shape_of(base, padded(shape.vocabulary + fitting.add, base.pad_rows), targets)
    speed = speed_of(shape, device, Measured(machine.work))
    examples = count_examples(shape, tuning, bytes_per_token) if tuning else None
    tuned = {"tuning": expect_tuning(shape, tuning, examples, device, machine, speed)} if tuning and examples else {}
    spent = sum(each.seconds + each.validation_seconds for each in tuned.values()) * device.count
    tokens = training.tokens or derived(shape, base, training, machine, device, speed, budget_seconds, pilots, spent)
    learning = base.learning.replace(objective=training.objective) if base.scratch else base.learning

    def take(spec: Learning, count: float) -> Expected:
        return expect(shape, spec, int(count), device, machine, speed, grown=extends)

    trainings = {"base": take(learning, base.tokens)} if base.tokens else {}
    if pilots:
        trainings["pilots"] = take(training, max(3 * training.batch, pilots * tokens))
    trainings |= {arm: take(training, tokens) for arm in ("adapted", "control")} | tuned
    context = context_of(shape, training)
    row = token_flow(training.objective, context)
    room, fits, smallest = what_fits(shape, row, training, device, machine, speed, grown=extends)
    needed = {
        "domain": bytes_per_token * tokens * training.mixture.domain,
        "general": bytes_per_token * max(tokens, base.tokens or 0),
    }
    forward = flops_per_token(shape, context, training.objective) / 3
    return Plan(
        shape=shape,
        row=row,
        context=context,
        device=device,
        speed=speed,
        trainings=trainings,
        scoring_seconds=(1 + ARMS) * scored_bytes / bytes_per_token * forward / speed.flops_per_second,
        learning=learning_parameters(shape, training.lora, grown=extends)[0],
        room=room,
        fits=fits,
        fewest=smallest,
        text_needed=needed,
        disk=on_disk(
            shape,
            training,
            needed,
            bytes_per_token,
            checkpoints=checkpoints(training, int(tokens), machine),
            pilots=bool(pilots),
            grown=extends,
            tuned=bool(tuning),
        ),
        derived=training.tokens is None,
        alone=shape.architecture in ONE_DOCUMENT_PER_ROW,
        examples=examples,
        bytes_per_token=bytes_per_token,
    )


def checkpoints(training: Training, tokens: int, machine: Machine) -> int:
    """Most checkpoints on disk at once: the newest and an anchor of the running arm, permanent ones of both arms."""
    lasting = (tokens // training.batch - 1) // machine.permanent_every if machine.permanent_every else 0
    return machine.checkpoints_kept + 1 + ARMS * lasting


def derived(
    shape: Shape,
    base: Base,
    training: Training,
    machine: Machine,
    device: Device,
    speed: Speed,
    budget_seconds: float | None,
    pilots: float,
    spent: float,
) -> int:
    """Tokens of an arm that the budget, minus ``spent`` device-seconds, pays for, in whole batches."""
    if budget_seconds is None:
        raise UserError("training.tokens", "is not set, and no budget is", "set training.tokens, or budget.hours")
    each = done_of(shape, training, machine, grown=False)
    affordable = (budget_seconds * (1 - EVALUATION_SHARE) - spent) * speed.flops_per_second
    if base.tokens:
        learning = base.learning.replace(objective=training.objective)
        affordable -= base.tokens * done_of(shape, learning, machine, grown=False)
    tokens = int(affordable / each / (ARMS + pilots)) // training.batch * training.batch
    if tokens < training.batch:
        raise UserError("budget", "is too small for one batch", "raise budget.hours, or choose a smaller base")
    return tokens


def what_fits(
    shape: Shape, row: TokenFlow, training: Training, device: Device, machine: Machine, speed: Speed, *, grown: bool
) -> tuple[float | None, Fit | None, Fit | None]:
    """(Bytes available to a process, layout that fits on these devices, layout on the fewest GPUs)."""
    room, length = room_of(device), row.written or row.read
    if room is None:
        return None, None, None
    how = setting(row, training, device, machine)

    def memory_of(how: Setting) -> Memory:
        memory = training_memory(shape, row, how, lora=training.lora, grown=grown)
        return replace(memory, factor=speed.memory_factor)

    limit = None if device.gpu else max(1, int(MICRO_BATCH["cpu"] // length))  # more rows are no faster on a CPU
    fits = within(how, room, memory_of, length=length, limit=limit)
    return room, fits, fewest(how, room, memory_of, length=length) if device.gpu else None

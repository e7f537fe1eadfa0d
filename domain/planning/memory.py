"""Peak memory of a training process, by component."""

from __future__ import annotations

from dataclasses import dataclass

from domain.cost.shape import Shape
from domain.cost.token_flow import TokenFlow
from domain.planning.activations import layers_of, outside
from domain.settings.learning import Lora

LIBRARIES = {False: 0.6e9, True: 0.8e9}  # CPU: Python, torch, transformers; GPU: its context
SPILL = 0.2  # of activations: freed blocks that malloc keeps on a CPU (measured: 0.1 to 0.5)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The layout of a training: ``rows`` of a batch over ``ranks``, at most ``each`` rows per forward pass.

    ``shard`` ranks share one copy of the weights. ``saves`` says whether a checkpoint is written before the end.
    """

    rows: int
    each: int
    gpu: bool
    bf16: bool
    ranks: int = 1
    shard: int = 1
    recompute: str = "none"
    compiled: bool = False
    saves: bool = True

    @property
    def parts(self) -> int:
        """Forward passes per step."""
        return -(-self.mine // self.each)

    @property
    def mine(self) -> int:
        """Rows of the rank with most rows."""
        return -(-self.rows // self.ranks)

    @property
    def together(self) -> int:
        """Rows per forward pass."""
        return -(-self.mine // self.parts)


@dataclass(frozen=True)
class Memory:
    """Bytes: the maximum of each part, ``plain`` the estimated peak, ``host`` the host memory for checkpoints of a GPU.

    ``sure`` is the share of the peak that follows from the parameters; the rest is multiplied by ``factor``, which
    comes from trainings measured on this machine.
    """

    parts: dict[str, float]
    plain: float
    sure: float
    host: float
    factor: float = 1.0

    @property
    def peak(self) -> float:
        """Peak memory in bytes."""
        return self.sure + self.factor * (self.plain - self.sure)


def learning_parameters(shape: Shape, lora: Lora | None, *, grown: bool) -> tuple[float, float]:
    """(Trained parameters, those that LoRA adds): all, or updates and, if ``grown`` or configured, embeddings."""
    if lora is None:
        return float(shape.parameters), 0.0
    added = float(lora.rank * shape.adaptable)
    tables = shape.head * (2 if shape.lookup >= shape.head else 1)
    return added + (tables if grown or lora.embeddings else 0.0), added


def training_memory(
    shape: Shape, row: TokenFlow, how: Setting, *, lora: Lora | None = None, grown: bool = False
) -> Memory:
    """Memory of one rank.

    Weights, gradients and two AdamW moments in fp32: 16 bytes per parameter, over ``shard`` ranks (ZeRO, arXiv
    1910.02054, stage 3). With several passes per step, gradients are unsharded until they are reduced in the last one.
    """
    from domain.training.loss_head import FEWEST, LOGITS_PER_CHUNK, SLICE

    all_of, n = float(shape.parameters), how.shard
    trained, added = learning_parameters(shape, lora, grown=grown)
    head_learns = lora is None or grown or lora.embeddings
    weights, moments = 4.0 * (all_of + added) / n, 8.0 * trained / n
    several = how.parts > 1
    gradients = 4.0 * trained / (1 if several and how.ranks > 1 else n)
    copies = gathered(shape, how)
    stacks = layers_of(shape, row, rows=how.together, bf16=how.bf16, gpu=how.gpu, compiled=how.compiled)
    again, rows = how.recompute, how.together
    saved = rows * sum(count * layer.saved_with(again) for count, layer in stacks)
    first, last = stacks[0][1], stacks[-1][1]
    around = rows * outside(shape, row)
    device = "cuda" if how.gpu else "cpu"
    logits = shape.vocabulary * min(max(FEWEST, LOGITS_PER_CHUNK[device] // shape.vocabulary), rows * row.predicted)
    softmax = (4.0 if how.gpu else 8.0) * min(SLICE[device], logits)  # a CPU converts the logits first
    chunk = (2.0 if how.bf16 else 4.0) * logits + softmax
    matrix = 4.0 * shape.head if head_learns else 0.0  # the head's gradient exists before all others
    products = 4.0 * shape.head if how.bf16 else 0.0  # its bf16 copy, and a chunk's contribution to the gradient
    accumulated = gradients if several else 0.0
    moments_of_step = {
        "head": accumulated + copies + saved + around + chunk + matrix + products,
        "last layer": accumulated + copies + saved + around + matrix + rows * last.working(again),
        "first layer": gradients + around + rows * (first.saved_with(again) + first.working(again)) + matrix,
        "update": gradients,
    }
    fullest = max(moments_of_step, key=lambda moment: moments_of_step[moment])
    staging = (4.0 * (all_of + added) + 8.0 * trained) / n
    activations = saved + around + rows * last.working(again)
    parts = {
        "weights": weights,
        "copies in bf16" if how.ranks == 1 or how.shard == 1 else "gathered weights": copies,
        "gradients": gradients,
        "optimizer": moments,
        "activations": activations,
        "logits": chunk + matrix + products,
        "checkpoint": 0.0 if how.gpu or not how.saves else staging,
        "libraries": 0.0 if how.gpu else LIBRARIES[False] + SPILL * activations,
    }
    beside = parts["checkpoint"] + parts["libraries"]
    sure = weights + moments + (gradients if fullest in ("first layer", "update") else accumulated)
    plain = weights + moments + moments_of_step[fullest] + beside
    return Memory(parts, plain, sure + parts["checkpoint"], staging if how.gpu else 0.0)


def gathered(shape: Shape, how: Setting) -> float:
    """Bytes of copies of the weights: autocast's, or those that FSDP2 has gathered at one moment.

    FSDP2 gathers a block while the previous one computes, keeps parameters outside blocks such as the embedding, and
    reduces the gradients of the largest block in fp32.
    """
    multiplied = shape.parameters - shape.lookup
    copied = 2.0 * multiplied if how.bf16 else 0.0
    if how.ranks == 1:
        return copied
    blocks = shape.block * (shape.layers + shape.encoder_layers)
    alone = max(0.0, shape.parameters - blocks)
    half = how.bf16 and how.gpu
    if half and how.shard == 1:
        return 2.0 * shape.parameters
    together = (2.0 if half else 4.0) * (2 * shape.block + alone) + 4.0 * max(shape.block, alone)
    return together + (0.0 if half else copied)

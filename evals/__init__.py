"""Evaluation: protected benchmarks, scores on held-out text, and the release decision."""

from evals.evaluate import Evaluation, evaluate
from evals.gate import Gates, decide
from evals.pilots.choice import Choosing, choose
from evals.pilots.tokenizer import Weighing, tokenizer_verdict
from evals.protect import Protection, protect
from evals.statistics.bootstrap import PairedChange, paired_change
from evals.tasks import Item, Task, load_task

__all__ = [
    "Choosing",
    "Evaluation",
    "Gates",
    "Item",
    "PairedChange",
    "Protection",
    "Task",
    "Weighing",
    "choose",
    "decide",
    "evaluate",
    "load_task",
    "paired_change",
    "protect",
    "tokenizer_verdict",
]

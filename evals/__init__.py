"""What no model may be trained on, what each model scores on it, and whether that is enough for a release."""

from evals.evaluate import Evaluation, evaluate
from evals.gate import Gates, decide
from evals.pilots.choice import Choosing, choose
from evals.pilots.tokenizer import Weighing, tokenizer_verdict
from evals.protect import Protection, protect
from evals.statistics.bootstrap import Change, paired_change
from evals.tasks import Item, Task, load_task

__all__ = [
    "Change",
    "Choosing",
    "Evaluation",
    "Gates",
    "Item",
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

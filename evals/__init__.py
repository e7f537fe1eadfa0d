"""What no model may be trained on, what each model scores on it, and whether that is enough for a release."""

from evals.compare import Change, paired_change
from evals.evaluate import Evaluation, evaluate
from evals.gate import Gates, decide
from evals.pilots import Choosing, choose
from evals.protect import Protection, protect
from evals.tasks import Item, Task, load_task
from evals.weigh import Weighing, weigh

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
    "weigh",
]

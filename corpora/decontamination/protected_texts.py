"""The texts of the evals by item: which belong to one question, and which are a form that many questions share."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from corpora.document import clean
from domain.jsonlines import read_lines
from domain.text.fold import fold
from domain.text.words import Split

FORM_ITEMS = 3  # different items that begin with one text, "Which of these is true?", before it counts as a form


class ProtectedTexts:
    """The protected texts of a file, a row ``{"task", "item", "text"}`` each: a question, alone and with each choice.

    ``item`` numbers the items of a task; a row without one is an item of its own. The same question in two tasks is one
    item. ``words`` are those of all rows, folded, ``item`` (int64 [rows]) names the item of each, and ``is_form`` (bool
    [rows]) tells a text that is several items' own and so identifies none of them.
    """

    def __init__(self, path: Path) -> None:
        rows = list(read_lines(path))
        self.path = path
        self.tasks: list[str] = [row["task"] for row in rows]
        self.names = [f"{row['task']} {row.get('item', number)}" for number, row in enumerate(rows)]
        self.words = Split([fold(clean(row["text"])).text for row in rows])
        self.sizes = np.diff(self.words.offsets)
        keys = [words.hashes.tobytes() for words in self.words]
        items = defaultdict[tuple[str, str], list[int]](list)
        for row, (task, name) in enumerate(zip(self.tasks, self.names, strict=True)):
            items[task, name].append(row)
        versions = defaultdict[tuple[str, bytes], set[frozenset[bytes]]](set)  # of a task's question
        for (task, _), of in items.items():
            versions[task, keys[of[0]]].add(frozenset(keys[row] for row in of))
        asked_as_form = {question for (_, question), seen in versions.items() if len(seen) >= FORM_ITEMS}
        numbers: dict[object, int] = {}
        self.item = np.zeros(len(rows), np.int64)
        for of in items.values():
            question = keys[of[0]]
            identity = frozenset(keys[row] for row in of) if question in asked_as_form else question
            self.item[of] = numbers.setdefault(identity, len(numbers))
        owners = Counter(key for key, _ in {*zip(keys, self.item.tolist(), strict=True)})
        self.is_form = np.array([owners[key] >= FORM_ITEMS for key in keys], bool)

    def passage(self, row: int, place: int, length: int) -> str:
        """``length`` words of a text from a place (in words) on, as they are written."""
        words = self.words[row]
        return words.text[int(words.starts[place]) : int(words.ends[place + length - 1])]

"""Warn about chat-tuned bases: pretraining on plain text undoes their tuning."""

from __future__ import annotations

import re
from pathlib import Path

from domain.errors import UserError
from domain.model.spec import Base
from domain.pretrained.folder import model_files, read_object
from domain.pretrained.weights import is_local, weights_folder

TALKS = re.compile(r"instruct|chat|[-_]it$", re.IGNORECASE)
PLAIN = re.compile(r"[-_](base|pt)$", re.IGNORECASE)  # Qwen's base models have a template, too


def check_chat_base(base: Base, *, fetch: bool = True) -> None:
    """Raise ``UserError`` if the base is a chat model and the recipe does not confirm it with ``chat: true``.

    A chat model is recognised by its name, or by a chat template unless its name says that it is a base model. Without
    ``fetch`` only the name of a base on the hub is checked.
    """
    weights = base.weights
    if not weights or base.chat:
        return
    name = Path(weights.partition("@")[0]).expanduser().name
    why = "its name says so" if TALKS.search(name) else ""
    if not why and not PLAIN.search(name) and (fetch or is_local(weights)) and templated(weights_folder(weights)):
        why = "its tokenizer has a chat template"
    if why:
        problem = f"{weights} seems tuned to chat ({why}), which pretraining on text would undo"
        raise UserError("base", problem, f"use its base model, or confirm it: base: {{weights: {weights}, chat: true}}")


def templated(folder: Path) -> bool:
    """Whether the tokenizer in a folder has a chat template."""
    path = folder / "tokenizer_config.json"
    settings = read_object(path, "base") if path in model_files(folder, "base") else {}
    return bool(settings.get("chat_template")) or (folder / "chat_template.jinja").is_file()

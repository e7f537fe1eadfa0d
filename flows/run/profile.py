"""The machine profile of a run: a YAML file, overridden by command-line options."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from domain.errors import UserError
from domain.machine import Machine
from domain.yamlfile import read_yaml
from flows.recipe.errors import validated


def read_profile(file: str | None, flags: Mapping[str, object] | None = None) -> Machine:
    """The profile in ``file``, or the default one, with ``flags`` in place of its values."""
    path = Path(file) if file else Path("command line")
    content = read_yaml(path) or {} if file else {}
    if not isinstance(content, dict):
        problem = f"holds {type(content).__name__}, not keys and values"
        raise UserError(str(path), problem, "write for instance workers: 4")
    if isinstance(content.get("work"), str):
        content["work"] = os.path.expanduser(content["work"])
    return validated(Machine, {**content, **(flags or {})}, path)

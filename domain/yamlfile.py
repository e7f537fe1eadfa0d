"""Read a YAML file strictly: a duplicate key or a broken line is named by its place, never taken silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from domain.errors import UserError


class _Strict(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys; here the second one stops the reading."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                mark = node.value[number][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' stands here a second time", mark)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; raises ``UserError`` that names the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(str(path), f"cannot be read ({error.strerror})", "name a YAML file that exists") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, byte {error.start}", "is not UTF-8", "save the file as UTF-8") from None
    try:
        return yaml.load(text, Loader=_Strict)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{line}", str(error.problem), "correct the YAML there") from None
    except yaml.YAMLError as error:
        raise UserError(str(path), str(error).splitlines()[0], "correct the YAML") from None

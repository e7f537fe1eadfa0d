"""The examples file of instruction tuning: a JSON line per instruction and answer, or per conversation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from domain.advice import shown
from domain.errors import UserError
from domain.jsonlines import read_records
from domain.manifest import file_sha256
from domain.spec import RecipePath, Spec
from domain.userfile import open_file

ROLES = ("system", "user", "assistant")
Message = dict[str, str]


@dataclass(frozen=True)
class Conversation:
    """Messages with ``role`` and ``content``, the last one an answer; ``place`` is file:line."""

    place: str
    messages: list[Message]


class ExamplesFile(Spec):
    """Path and column names of the examples file; a dot reaches into nested records (``meta.question``)."""

    path: Annotated[RecipePath, Field(description="a .jsonl or .jsonl.gz file, from the recipe's folder")]
    instruction: Annotated[str, Field(description="column of the instruction")] = "instruction"
    input: Annotated[str, Field(description="column of the text that the instruction is about; may be empty")] = "input"
    label: Annotated[str, Field(description="column of the answer")] = "label"
    messages: Annotated[
        str, Field(description="or the column of a conversation: a list of role (system, user, assistant) and content")
    ] = "messages"

    def digest(self) -> str:
        """SHA-256 of the file. Raises ``UserError`` if it cannot be read."""
        try:
            open_file(Path(self.path)).close()
            return file_sha256(Path(self.path))
        except (OSError, UserError) as error:
            reason = error.problem if isinstance(error, UserError) else f"cannot be read ({error.strerror or error})"
            fix = "correct it; it is relative to the recipe's folder"
            raise UserError("instruction_tuning.path", f"{self.path} {reason}", fix) from None

    def identity_key(self) -> dict[str, Any]:
        """The file enters by its content, not by its path."""
        return {**self.model_dump(mode="json", exclude={"path"}), "orders": self.digest()}

    def check(self) -> int:
        """Number of conversations. Raises ``UserError`` at the first invalid line."""
        return sum(1 for _ in self.read())

    def question(self, place: str) -> str:
        """The first question of the user in the conversation at ``place``."""
        messages = next(each.messages for each in self.read() if each.place == place)
        return next((message["content"] for message in messages if message["role"] == "user"), messages[0]["content"])

    def read(self) -> Iterator[Conversation]:
        """All conversations of the file; blank lines are ignored."""
        for number, record in read_records(Path(self.path)):
            place = f"{Path(self.path).name}:{number}"
            yield Conversation(place, self.conversation(record, place))

    def conversation(self, record: dict[str, Any], place: str) -> list[Message]:
        """Messages of a record, up to the last answer; instruction and input are joined by a blank line."""
        messages = value_at(record, self.messages)
        if messages is not None:
            return checked(messages, f"{place}, {self.messages}")
        columns = ", ".join(map(str, record))[:200] or "none"
        texts = {}
        for field in ("instruction", "input", "label"):
            column = getattr(self, field)
            text = value_at(record, column)
            if text is not None and not isinstance(text, str):
                raise UserError(place, f"{column} is {type(text).__name__}, not text", "write it in quotes")
            if field != "input" and text is None:
                fix = f"correct the line, or set instruction_tuning.{field} to one of its columns ({columns})"
                raise UserError(place, f"has no {field} (column {column})", fix)
            if field != "input" and not (text or "").strip():
                raise UserError(place, f"{column} is empty", f"write the {field}, or remove the line")
            texts[field] = text or ""
        prompt = "\n\n".join(text for text in (texts["instruction"], texts["input"]) if text.strip())
        return [{"role": "user", "content": prompt}, {"role": "assistant", "content": texts["label"]}]


def checked(value: Any, place: str) -> list[Message]:
    """The messages up to the last answer. Raises ``UserError`` if they are not a conversation."""
    if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
        raise UserError(place, "is not a list of objects", "give each message a role and its content")
    messages: list[Message] = []
    for number, message in enumerate(value, 1):
        role, content = message.get("role"), message.get("content")
        if role not in ROLES:
            raise UserError(place, f"message {number} has the role {shown(role)}", f"use one of {', '.join(ROLES)}")
        if not isinstance(content, str) or not content.strip():
            raise UserError(place, f"message {number} ({role}) has no content", "write it, or remove the message")
        messages.append({"role": role, "content": content})
    answers = [number for number, message in enumerate(messages) if message["role"] == "assistant"]
    if not answers:
        raise UserError(place, "has no answer (a message with the role assistant)", "add it, or remove the line")
    if answers[0] == 0:
        raise UserError(place, "begins with an answer", "add the question before it")
    return messages[: answers[-1] + 1]


def value_at(record: dict[str, Any], column: str) -> Any:
    """The value of a column, nested if the name has dots; None if it is missing."""
    here: Any = record
    for step in [column] if column in record else column.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here

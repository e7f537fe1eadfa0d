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
# Columns that other tools train by and this one does not: a model would be tuned to something else than they say.
UNREAD = (
    "system", "system_prompt", "history", "context", "tools", "functions", "tool_choice", "function_call", "documents",
    "images", "videos", "audios", "reasoning", "reasoning_content", "thinking", "chosen", "rejected", "weight",
)  # fmt: skip
Message = dict[str, str]


@dataclass(frozen=True)
class Conversation:
    """Messages with ``role`` and ``content``, the last one an answer; ``place`` is file:line.

    ``unlearned`` are the places in ``messages`` of answers with ``weight: 0``, which are read and not learned.
    """

    place: str
    messages: list[Message]
    unlearned: frozenset[int] = frozenset()


class ExamplesFile(Spec):
    """Path and column names of the examples file; a dot reaches into nested records (``meta.question``)."""

    path: Annotated[RecipePath, Field(description="a .jsonl or .jsonl.gz file, from the recipe's folder")]
    instruction: Annotated[str, Field(description="column of the instruction")] = "instruction"
    input: Annotated[str, Field(description="column of the text that the instruction is about; may be empty")] = "input"
    label: Annotated[str, Field(description="column of the answer")] = "label"
    messages: Annotated[
        str, Field(description="or the column of a conversation: a list of role (system, user, assistant) and content")
    ] = "messages"
    ignore: Annotated[
        tuple[str, ...], Field(description="columns and keys of messages that other tools read and this tuning may not")
    ] = ()

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
            yield self.conversation(record, f"{Path(self.path).name}:{number}")

    def conversation(self, record: dict[str, Any], place: str) -> Conversation:
        """Messages of a record, up to the last answer; instruction and input are joined by a blank line."""
        messages = value_at(record, self.messages)
        columns_read = (self.messages,) if messages is not None else (self.instruction, self.input, self.label)
        for column in UNREAD:
            if column in record and not any(each.split(".")[0] == column or each == column for each in columns_read):
                self.refuse_unread(place, column, record[column])
        if messages is not None:
            return self.checked(messages, place)
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
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": texts["label"]}]
        return Conversation(place, messages)

    def checked(self, value: Any, where: str) -> Conversation:
        """The conversation up to its last answer. Raises ``UserError`` if it is none."""
        place = f"{where}, {self.messages}"
        if not isinstance(value, list) or not all(isinstance(message, dict) for message in value):
            raise UserError(place, "is not a list of objects", "give each message a role and its content")
        messages: list[Message] = []
        weights: list[float] = []
        for number, message in enumerate(value, 1):
            role, content = message.get("role"), message.get("content")
            if role not in ROLES:
                raise UserError(place, f"message {number} has the role {shown(role)}", f"use one of {', '.join(ROLES)}")
            for key in message.keys() - {"role", "content"} - ({"weight"} if role == "assistant" else set()):
                self.refuse_unread(f"{place}, message {number}", key, message[key])
            if not isinstance(content, str) or not content.strip():
                raise UserError(place, f"message {number} ({role}) has no content", "write it, or remove the message")
            weight = message.get("weight")
            if weight not in (None, 0, 1):
                fix = "use 1, or 0 for an answer that is not learned"
                raise UserError(f"{place}, message {number}", f"has the weight {shown(weight)}", fix)
            weights.append(1 if weight is None or "weight" in self.ignore else weight)
            messages.append({"role": role, "content": content})
        answers = [number for number, message in enumerate(messages) if message["role"] == "assistant"]
        if not answers:
            raise UserError(place, "has no answer (a message with the role assistant)", "add it, or remove the line")
        if answers[0] == 0:
            raise UserError(place, "begins with an answer", "add the question before it")
        unlearned = frozenset(number for number in answers if not weights[number])
        if len(unlearned) == len(answers):
            raise UserError(place, "has no answer that is learned (all have weight 0)", "remove the line")
        return Conversation(where, messages[: answers[-1] + 1], unlearned)

    def refuse_unread(self, place: str, key: str, value: Any) -> None:
        """Raise a ``UserError`` for a key that says something and would be dropped."""
        if (
            key in self.ignore
            or value is None
            or value == ""
            or value == []
            or value == {}
            or (key == "weight" and value == 1)
        ):
            return
        problem = f"has the key {shown(key)}, which instruction tuning does not read"
        raise UserError(place, problem, f"remove it, or set instruction_tuning.ignore: [{key}] to train without it")


def value_at(record: dict[str, Any], column: str) -> Any:
    """The value of a column, nested if the name has dots; None if it is missing."""
    here: Any = record
    for step in [column] if column in record else column.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here

"""Conversations as token ids, by the tokenizer's chat template or a plain one, with the answers marked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domain.errors import UserError
from domain.settings.objectives import Family
from domain.tokenizer.encoding.texts import frame, valid
from domain.tokenizer.encoding.tokenizer_file import encoding_errors
from domain.training.instruction.examples_file import Conversation
from domain.training.instruction.template import TemplateError, TemplateProcess

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True)
class ChatExample:
    """``tokens`` int64 [length]; ``learned`` (bool) marks the answers. Equal questions share ``question_id``."""

    place: str
    question_id: str
    tokens: np.ndarray
    learned: np.ndarray


class Chat:
    """``examples(conversation)``: training examples for a model of ``family``.

    A decoder reads a conversation as ``tokenizer.apply_chat_template`` writes it, so the released model is prompted in
    the format that it was trained on. An answer is what the template adds to a prompt that ends with
    ``add_generation_prompt``, including its end mark. If a template writes earlier answers differently from the last
    one (Qwen3 drops their reasoning), each answer is an example of its own.

    In an encoder-decoder the encoder reads everything before an answer, and the decoder writes the answer with the
    tokenizer's begin and end tokens.

    A tokenizer without a template gets ``plain``, which is then part of the release.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, family: Family) -> None:
        self.tokenizer, self.family = tokenizer, family
        self.own = bool(tokenizer.chat_template)
        if not self.own:
            tokenizer.chat_template = plain(tokenizer, family)
        ours = not self.own or tokenizer.chat_template == plain(tokenizer, family)  # a release has it as its own
        self.process = None if ours else TemplateProcess(tokenizer)
        special = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items() if token.special}
        self.special, self.end = set(special), frame(tokenizer)[1]
        self.reserved = re.compile("|".join(map(re.escape, special.values())) or "(?!)")

    def keep(self, folder: Path) -> None:
        """Write the plain template beside the tokenizer in ``folder``, if it is used."""
        if not self.own:
            (folder / "chat_template.jinja").write_text(self.tokenizer.chat_template, encoding="utf-8")

    def examples(self, conversation: Conversation) -> list[ChatExample]:
        """One example, or one per answer. Raises ``UserError`` if the template cannot write the conversation."""
        messages = [{**message, "content": valid(message["content"])} for message in conversation.messages]
        for message in messages:
            if match := self.reserved.search(message["content"]):
                problem = f"contains {match[0]}, a special token of this tokenizer"
                raise UserError(conversation.place, problem, "write it differently, or remove the line")
        answers = [number for number, message in enumerate(messages) if message["role"] == "assistant"]
        opened = [self.write(messages[:number], conversation.place, opened=True) for number in answers]
        if self.family == "encoder_decoder":
            contents = [messages[number]["content"] for number in answers]
            turns = [[self.ids(o), self.ids(c, framed=True)] for o, c in zip(opened, contents, strict=True)]
        else:
            closed = [self.write(messages[: number + 1], conversation.place).rstrip() for number in answers]
            turns = [self.split(texts) for texts in taking_turns(opened, closed, conversation.place)]
        question_id = hashlib.sha256(json.dumps(messages[: answers[0]]).encode()).hexdigest()
        learns = [number not in conversation.unlearned for number in answers]
        of_each = [learns] if len(turns) == 1 else [[learn] for learn in learns]
        return [
            self.example(conversation.place, question_id, some, learn)
            for some, learn in zip(turns, of_each, strict=True)
            if any(learn)
        ]

    def example(self, place: str, question_id: str, turns: list[list[int]], learn: Sequence[bool]) -> ChatExample:
        """An example of alternating prompts and answers, of which those marked by ``learn`` are learned.

        Adds the end token if the last ends with no special token.
        """
        if not turns[-1] or turns[-1][-1] not in self.special:
            turns = [*turns[:-1], [*turns[-1], self.end]]
        marks = [answered for each in learn for answered in (False, each)]
        learned = np.repeat(marks, [len(ids) for ids in turns])
        return ChatExample(
            place, question_id, np.concatenate([np.array(ids, dtype=np.int64) for ids in turns]), learned
        )

    def write(self, messages: Sequence[dict[str, str]], place: str, *, opened: bool = False) -> str:
        """Apply the chat template; one that is not ``plain`` in a process with limits of time and memory."""
        if self.process is None:
            return str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=opened))
        try:
            return self.process.render(messages, opened=opened)
        except TemplateError as error:
            problem = f"the tokenizer's chat template rejects it ({error})"
            raise UserError(place, problem, "write the conversation as the template expects it") from None

    def split(self, texts: list[str]) -> list[list[int]]:
        """Ids of each text: those of the joined text if no piece crosses a boundary, else of each text alone.

        So a prompt has the same ids in training as when the answer is yet to be generated.
        """
        whole = self.ids("".join(texts))
        heads = [self.ids("".join(texts[:number])) for number in range(1, len(texts))]
        if any(whole[: len(head)] != head for head in heads):
            return [self.ids(text) for text in texts]
        return [whole[start:stop] for start, stop in pairwise([0, *map(len, heads), len(whole)])]

    def ids(self, text: str, *, framed: bool = False) -> list[int]:
        """Ids of a text in which special tokens are recognised."""
        with encoding_errors(self.tokenizer.name_or_path or "tokenizer"):
            ids: list[int] = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=framed).ids
        return ids


def taking_turns(opened: list[str], closed: list[str], place: str) -> list[list[str]]:
    """Alternating prompts and answers: of the whole conversation, or one pair per answer.

    ``opened`` and ``closed`` are the conversation up to each answer, without and with it.
    """
    whole = closed[-1]
    cuts = [0, *(len(text) for pair in zip(opened, closed, strict=True) for text in pair)]
    if all(map(whole.startswith, (*opened, *closed))) and all(start < stop for start, stop in pairwise(cuts)):
        return [[whole[start:stop] for start, stop in pairwise(cuts)]]
    if any(not after.startswith(before) or after == before for before, after in zip(opened, closed, strict=True)):
        problem = "the tokenizer's chat template opens an answer differently from how it writes one"
        raise UserError(place, problem, "use another template (chat_template.jinja of the base), or remove it")
    return [[before, after[len(before) :]] for before, after in zip(opened, closed, strict=True)]


def plain(tokenizer: PreTrainedTokenizerFast, family: Family) -> str:
    r"""The chat template for a tokenizer without one.

    For a decoder it is the layout of Tülu (arXiv 2306.04751): the conversation starts with the begin token, each
    message with a line such as ``<|user|>``, and each answer ends with the end token. Message contents cannot start
    another role or end a turn: a space is inserted into ``<|`` and into begin and end tokens. An encoder gets the
    messages separated by blank lines, between begin and end token.
    """
    if family == "encoder_decoder":
        ids = tokenizer.backend_tokenizer.encode("a").ids
        inner = tokenizer.backend_tokenizer.encode("a", add_special_tokens=False).ids
        at = next((n for n in range(len(ids)) if ids[n : n + len(inner)] == inner), 0)
        before, after = (literal(tokenizer, some) for some in (ids[:at], ids[at + len(inner) :]))
        return (
            "{{ " + before + " }}{% for message in messages %}{{ message['content'] }}"
            "{% if not loop.last %}{{ '\\n\\n' }}{% endif %}{% endfor %}{{ " + after + " }}"
        )
    begin, end = (token_in_template(tokenizer, number) for number in frame(tokenizer))
    content = "message['content'] | replace('<|', '< |')"
    for number in dict.fromkeys(frame(tokenizer)):
        token = tokenizer.convert_ids_to_tokens(number)
        content += f" | replace({json.dumps(token)}, {json.dumps(f'{token[0]} {token[1:]}')})"
    return (
        "{{ " + begin + " }}{% for message in messages %}"
        "{{ '<|' + message['role'] + '|>\\n' }}{{ " + content + " }}"
        "{% if message['role'] == 'assistant' %}{{ " + end + " }}{% endif %}{{ '\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
    )


def token_in_template(tokenizer: PreTrainedTokenizerFast, number: int) -> str:
    """A special token in a template: transformers' variable for it, or a literal."""
    names = {tokenizer.bos_token_id: "bos_token", tokenizer.eos_token_id: "eos_token"}
    return names.get(number) or literal(tokenizer, [number])


def literal(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    """Special tokens as a string literal in a template."""
    return json.dumps("".join(tokenizer.convert_ids_to_tokens(ids)), ensure_ascii=False)

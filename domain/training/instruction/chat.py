"""Orders as a model reads them: by the tokenizer's own chat template, or a plain one; what is learned is marked."""

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
from domain.training.instruction.examples_file import Conversation

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
    """How orders stand before a model of a ``family``: ``examples(order)``.

    A decoder reads a conversation as ``tokenizer.apply_chat_template`` writes it, so that whoever asks the released
    model by that shows it what it has learned from. An answer is what the template adds to a prompt that is opened for
    it (``add_generation_prompt``), to the mark that ends it. Where a template writes earlier answers otherwise than
    the last one (Qwen3 leaves out their thoughts), each answer is an example of its own.

    An encoder reads what comes before an answer, the decoder writes the answer as the tokenizer frames a text.

    A tokenizer without a template is given ``plain``, which is then part of the release.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, family: Family) -> None:
        self.tokenizer, self.family = tokenizer, family
        self.own = bool(tokenizer.chat_template)
        if not self.own:
            tokenizer.chat_template = plain(tokenizer, family)
        special = {number: str(token) for number, token in tokenizer.added_tokens_decoder.items() if token.special}
        self.special, self.end = set(special), frame(tokenizer)[1]
        self.reserved = re.compile("|".join(map(re.escape, special.values())) or "(?!)")

    def keep(self, folder: Path) -> None:
        """Write the template beside the tokenizer in ``folder``, if the tokenizer had none."""
        if not self.own:
            (folder / "chat_template.jinja").write_text(self.tokenizer.chat_template, encoding="utf-8")

    def examples(self, order: Conversation) -> list[ChatExample]:
        """One, or one for each answer; raises ``UserError`` where the template cannot write the order."""
        messages = [{**message, "content": valid(message["content"])} for message in order.messages]
        for message in messages:
            if match := self.reserved.search(message["content"]):
                problem = f"contains {match[0]}, which is no text to this tokenizer"
                raise UserError(order.place, problem, "write it otherwise, or take the line out")
        answers = [number for number, message in enumerate(messages) if message["role"] == "assistant"]
        opened = [self.write(messages[:number], order.place, opened=True) for number in answers]
        if self.family == "encoder_decoder":
            contents = [messages[number]["content"] for number in answers]
            turns = [[self.ids(o), self.ids(c, framed=True)] for o, c in zip(opened, contents, strict=True)]
        else:
            closed = [self.write(messages[: number + 1], order.place).rstrip() for number in answers]
            turns = [self.split(texts) for texts in taking_turns(opened, closed, order.place)]
        question_id = hashlib.sha256(json.dumps(messages[: answers[0]]).encode()).hexdigest()
        return [self.example(order.place, question_id, each) for each in turns]

    def example(self, place: str, question_id: str, turns: list[list[int]]) -> ChatExample:
        """Questions and answers take turns; the last ends with the tokenizer's end where the template has no mark."""
        if not turns[-1] or turns[-1][-1] not in self.special:
            turns = [*turns[:-1], [*turns[-1], self.end]]
        learned = np.repeat(np.arange(len(turns)) % 2 == 1, [len(ids) for ids in turns])
        return ChatExample(
            place, question_id, np.concatenate([np.array(ids, dtype=np.int64) for ids in turns]), learned
        )

    def write(self, messages: Sequence[dict[str, str]], place: str, *, opened: bool = False) -> str:
        """The messages by the template."""
        try:
            return str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=opened))
        except Exception as error:  # a template raises whatever its author chose
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            problem = f"the tokenizer's chat template does not take it ({reason})"
            raise UserError(place, problem, "write the conversation as the template wants it") from None

    def split(self, texts: list[str]) -> list[list[int]]:
        """The ids of each text, as in the whole where no piece lies across a border, else each by itself.

        So what comes before an answer has the ids that it has where the answer is yet to be written.
        """
        whole = self.ids("".join(texts))
        heads = [self.ids("".join(texts[:number])) for number in range(1, len(texts))]
        if any(whole[: len(head)] != head for head in heads):
            return [self.ids(text) for text in texts]
        return [whole[start:stop] for start, stop in pairwise([0, *map(len, heads), len(whole)])]

    def ids(self, text: str, *, framed: bool = False) -> list[int]:
        """Ids of a text in which special tokens are what they are."""
        ids: list[int] = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=framed).ids
        return ids


def taking_turns(opened: list[str], closed: list[str], place: str) -> list[list[str]]:
    """What is read and what is learned, in turns: of the whole conversation, or answer by answer.

    ``opened`` and ``closed`` are the conversation up to each answer, without it and with it.
    """
    whole = closed[-1]
    cuts = [0, *(len(text) for pair in zip(opened, closed, strict=True) for text in pair)]
    if all(map(whole.startswith, (*opened, *closed))) and all(start < stop for start, stop in pairwise(cuts)):
        return [[whole[start:stop] for start, stop in pairwise(cuts)]]
    if any(not after.startswith(before) or after == before for before, after in zip(opened, closed, strict=True)):
        problem = "the tokenizer's chat template opens an answer otherwise than it writes one"
        raise UserError(place, problem, "use another template (chat_template.jinja of the base), or none")
    return [[before, after[len(before) :]] for before, after in zip(opened, closed, strict=True)]


def plain(tokenizer: PreTrainedTokenizerFast, family: Family) -> str:
    r"""The chat template of a model whose tokenizer has none.

    To a decoder the conversation begins as a text does, each message with a line such as ``<|user|>``, and an answer
    ends as a text does: the layout of Tülu (arXiv 2306.04751). What a message itself says cannot begin another role or
    end a turn: ``<|`` and the tokens that frame a text are broken by a space in it. An encoder is given the messages
    with a blank line between two, framed as a text; so a single one is what the tokenizer makes of it.
    """
    if family == "encoder_decoder":
        ids = tokenizer.backend_tokenizer.encode("a").ids
        inner = tokenizer.backend_tokenizer.encode("a", add_special_tokens=False).ids
        at = next(n for n in range(len(ids)) if ids[n : n + len(inner)] == inner)
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
    """A special token in a template: by transformers' variable for it, if it has one."""
    names = {tokenizer.bos_token_id: "bos_token", tokenizer.eos_token_id: "eos_token"}
    return names.get(number) or literal(tokenizer, [number])


def literal(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    """Special tokens as a string in a template."""
    return json.dumps("".join(tokenizer.convert_ids_to_tokens(ids)), ensure_ascii=False)

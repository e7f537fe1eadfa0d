"""How a release is opened and asked: by what it learned, or by its chat template where it was tuned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OPENING = """```python
{torch}from transformers import {opener}, AutoTokenizer

folder = "."  # this folder
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {opener}.from_pretrained(folder)

{asked}```

`sha256sum --check SHA256SUMS` verifies every file of the release.
"""
CONTINUED = """\
# Every text that the model has read begins with this token.
begin = model.generation_config.bos_token_id
ids = [begin, *tokenizer("The", add_special_tokens=False)["input_ids"]]
spoken = model.generate(torch.tensor([ids]), max_new_tokens=50)
print(tokenizer.decode(spoken[0], skip_special_tokens=True))
"""
FILLED = """\
# The mask stands for the piece that is wanted.
given = tokenizer(f"The {tokenizer.mask_token} is", return_tensors="pt")["input_ids"]
place = given[0].tolist().index(tokenizer.mask_token_id)
print(tokenizer.decode(model(given).logits[0, place].argmax()))
"""
SPANS = """\
# Each sentinel stands for words that are wanted; the answer names it, and then them.
given = tokenizer("The <extra_id_0> is", return_tensors="pt")["input_ids"]
spoken = model.generate(given, max_new_tokens=50)
print(tokenizer.decode(spoken[0, 1:]))
"""
RESTORED = """\
# The mask stands for words that are wanted; the answer is the whole text.
given = tokenizer(f"The {tokenizer.mask_token} is", return_tensors="pt")["input_ids"]
spoken = model.generate(given, max_new_tokens=50)
print(tokenizer.decode(spoken[0], skip_special_tokens=True))
"""
FOLLOWED = """\
# An instruction and, where there is one, the text that it is about, with a blank line between them.
asked = [{"role": "user", "content": "Say it in one sentence.\\n\\nThe text."}]
given = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True, return_tensors="pt")
spoken = model.generate(**given, max_new_tokens=50)
"""
ANSWER = "print(tokenizer.decode(spoken[0, {start}:], skip_special_tokens=True))\n"


@dataclass(frozen=True)
class Usage:
    """The class of transformers, the lines that ask, what it is best for, and what it does without tuning.

    ``prompt`` turns a text's first words into one to begin with; ``task`` is the hub's name of what it does; ``start``
    where what it writes begins.
    """

    opener: str
    asked: str
    use: str
    untuned: str
    prompt: str
    task: str = "text-generation"
    start: str = "1"


TOLD = "It was not tuned to follow instructions, to converse, or to refuse."
PAIR = "Summarising, translating or answering text of its domain, once that is learned from examples"
USAGE = {
    "causal": Usage(
        "AutoModelForCausalLM",
        CONTINUED,
        "Completing and scoring text of its domain",
        f"It predicts text. {TOLD}",
        "{words} {word}",
        start='given["input_ids"].shape[1]',
    ),
    "masked": Usage(
        "AutoModelForMaskedLM",
        FILLED,
        "Classifying or tagging text of its domain, once that is learned from labels",
        "It predicts masked pieces of a text. It writes nothing of its own, and was not fine-tuned to classify or tag.",
        "{words} {mask}",
        task="fill-mask",
    ),
    "span": Usage(
        "AutoModelForSeq2SeqLM",
        SPANS,
        PAIR,
        f"It predicts what was left out of a text. {TOLD}",
        "{words} <extra_id_0>",
    ),
    "denoising": Usage(
        "AutoModelForSeq2SeqLM",
        RESTORED,
        PAIR,
        f"It predicts a text from what is left of it. {TOLD}",
        "{words} {mask}",
    ),
}  # by objective


def prompt(objective: str, mask: str | None, words: Sequence[str]) -> str:
    """Something to ask it first, as it learned to be asked, from a text's first ``words``; ``mask`` is its token."""
    *before, word = words or ("The", "first")
    return USAGE[objective].prompt.format(words=" ".join(before), word=word, mask=mask).strip()


def opening(objective: str, *, tuned: bool) -> str:
    """The chapter of the card: how it is opened and asked."""
    usage = USAGE[objective]
    asked = FOLLOWED + ANSWER.format(start=usage.start) if tuned else usage.asked
    return OPENING.format(torch="import torch\n" if "torch." in asked else "", opener=usage.opener, asked=asked)

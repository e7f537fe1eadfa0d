"""How to load and prompt a release, by its training objective or, if tuned, its chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OPENING = """```python
{torch}from transformers import {opener}, AutoTokenizer

folder = "."  # this folder
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {opener}.from_pretrained(folder)

{example}```

`sha256sum --check SHA256SUMS` verifies every file of the release.
"""
CONTINUATION = """\
# All training texts begin with this token.
begin = model.generation_config.bos_token_id
ids = [begin, *tokenizer("The", add_special_tokens=False)["input_ids"]]
output = model.generate(torch.tensor([ids]), max_new_tokens=50)
print(tokenizer.decode(output[0], skip_special_tokens=True))
"""
MASK_FILLING = """\
# The model predicts the token at the mask.
ids = tokenizer(f"The {tokenizer.mask_token} is", return_tensors="pt")["input_ids"]
position = ids[0].tolist().index(tokenizer.mask_token_id)
print(tokenizer.decode(model(ids).logits[0, position].argmax()))
"""
SPANS = """\
# Each sentinel stands for missing words; the output repeats it, followed by them.
ids = tokenizer("The <extra_id_0> is", return_tensors="pt")["input_ids"]
output = model.generate(ids, max_new_tokens=50)
print(tokenizer.decode(output[0, 1:]))
"""
DENOISING = """\
# The mask stands for missing words; the output is the whole text.
ids = tokenizer(f"The {tokenizer.mask_token} is", return_tensors="pt")["input_ids"]
output = model.generate(ids, max_new_tokens=50)
print(tokenizer.decode(output[0], skip_special_tokens=True))
"""
CHAT = """\
# An instruction and, optionally, a blank line and the text that it is about.
messages = [{"role": "user", "content": "Say it in one sentence.\\n\\nThe text."}]
inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=50)
"""
ANSWER = "print(tokenizer.decode(output[0, {start}:], skip_special_tokens=True))\n"


@dataclass(frozen=True)
class Usage:
    """The transformers class, example code, best use, and the limitation of a model that was not tuned.

    ``prompt`` is the template of a first prompt from the first words of a text; ``task`` is the hub's pipeline tag;
    ``start`` the position at which generated tokens begin.
    """

    opener: str
    example: str
    use: str
    untuned: str
    prompt: str
    task: str = "text-generation"
    start: str = "1"


UNTUNED = "It was not tuned to follow instructions, to converse, or to refuse."
SEQ2SEQ_USE = "Summarising, translating or answering questions on text of its domain, after fine-tuning on examples"
USAGE = {
    "causal": Usage(
        "AutoModelForCausalLM",
        CONTINUATION,
        "Completing and scoring text of its domain",
        f"It predicts text. {UNTUNED}",
        "{words} {word}",
        start='inputs["input_ids"].shape[1]',
    ),
    "masked": Usage(
        "AutoModelForMaskedLM",
        MASK_FILLING,
        "Classifying or tagging text of its domain, after fine-tuning on labels",
        "It predicts masked tokens. It does not generate text, and was not fine-tuned to classify or tag.",
        "{words} {mask}",
        task="fill-mask",
    ),
    "span": Usage(
        "AutoModelForSeq2SeqLM",
        SPANS,
        SEQ2SEQ_USE,
        f"It predicts the missing spans of a text. {UNTUNED}",
        "{words} <extra_id_0>",
    ),
    "denoising": Usage(
        "AutoModelForSeq2SeqLM",
        DENOISING,
        SEQ2SEQ_USE,
        f"It reconstructs a text from a corrupted one. {UNTUNED}",
        "{words} {mask}",
    ),
}  # by objective


def prompt(objective: str, mask: str | None, words: Sequence[str]) -> str:
    """A first prompt in the form of the objective, from the first ``words`` of a text; ``mask`` is the mask token."""
    *before, word = words or ("The", "first")
    return USAGE[objective].prompt.format(words=" ".join(before), word=word, mask=mask).strip()


def opening(objective: str, *, tuned: bool) -> str:
    """The card's chapter on loading and prompting the model."""
    usage = USAGE[objective]
    example = CHAT + ANSWER.format(start=usage.start) if tuned else usage.example
    return OPENING.format(torch="import torch\n" if "torch." in example else "", opener=usage.opener, example=example)

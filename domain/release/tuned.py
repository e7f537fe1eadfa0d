"""What the card says of a model that was tuned to follow instructions."""

from __future__ import annotations

from typing import Any

from domain.artifacts import Artifact

LOADING = """```python
from transformers import {opener}, AutoTokenizer

folder = "."  # this folder
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {opener}.from_pretrained(folder)

# An instruction and, where there is one, the text that it is about, with a blank line between them.
asked = [{{"role": "user", "content": "Say it in one sentence.\\n\\nThe text."}}]
given = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True, return_tensors="pt")
spoken = model.generate(**given, max_new_tokens=50)
print(tokenizer.decode(spoken[0, {start}:], skip_special_tokens=True))
```

`sha256sum --check SHA256SUMS` verifies every file of the release.
"""
WAYS = {
    "decoder": {"opener": "AutoModelForCausalLM", "start": 'given["input_ids"].shape[1]'},
    "encoder_decoder": {"opener": "AutoModelForSeq2SeqLM", "start": "1"},
}
USE = "Following instructions like those that it was tuned on, in its domain"
BEFORE = "Scores are of the model before it was tuned; what the tuning changed in them was not measured.\n"
UNTUNED = "It predicts text. It was not tuned to follow instructions, to converse, or to refuse."
LIMIT = (
    "It was tuned to follow instructions by the examples stated above, and by nothing else: it may ignore others, and "
    "it was not tuned to refuse."
)


def loading(tuned: Artifact) -> str:
    """How it is opened and asked."""
    return LOADING.format(**WAYS[tuned.facts["family"]])


def training(tuned: Artifact) -> str:
    """Examples, passes, rate, loss, and what held-out answers scored."""
    spec, facts = tuned.manifest["spec"], tuned.facts
    apart = f" ({facts['held_out']:,} more were held out)" if facts["held_out"] else ""
    score = facts.get("validation_answers")
    seen = "" if score is None else f"; held-out answers {score:.3f} bits per byte"
    layout = "the tokenizer's own chat template" if facts["template"] == "own" else "a plain chat template"
    return (
        f"- Tuned to follow instructions on {facts['examples']:,} examples{apart}, passes over them: "
        f"{facts['epochs']:.2f}; loss on the answers alone, in {layout}.\n"
        f"- AdamW, {spec['batch']:,} tokens a batch, peak learning rate {spec['learning_rate']:g}{low_rank(spec)}; "
        f"loss at the end {facts['loss']:.3f} nats a token{seen}.\n"
    )


def low_rank(spec: dict[str, Any]) -> str:
    """By what a training learned, where that was not the weights themselves."""
    lora = spec.get("lora")
    return f", by updates of rank {lora['rank']} (LoRA), merged" if lora else ""

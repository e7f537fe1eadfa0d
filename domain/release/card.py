"""The model card: best use cases, how it was trained, its data, its scores, its known limitations."""

from __future__ import annotations

from typing import Any

import yaml

from domain.artifacts import Artifact

ARMS = ("base", "control", "adapted")


def front_matter(name: str, licence: str, scores: dict[str, Any], base: dict[str, Any]) -> str:
    """The card's YAML header as the Hugging Face hub reads it, with bits per byte as its results."""
    results = [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": f"held-out {part} text", "type": "held-out"},
            "metrics": [{"type": "bits-per-byte", "name": "bits per UTF-8 byte", "value": score["adapted"]}],
        }
        for part, score in scores.items()
    ]
    content: dict[str, Any] = {
        "license": licence,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["domain-adaptation", "continued-pretraining", "shoptalk"],
        "model-index": [{"name": name, "results": results}],
    }
    weights = base.get("weights")
    if isinstance(weights, str) and "/" in weights:
        content["base_model"] = weights.partition("@")[0]
    return "---\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True) + "---\n"


def card(
    *,
    name: str,
    licence: str,
    intended_use: str,
    limitations: str,
    scores: dict[str, Any],
    reasons: list[str],
    base: Artifact,
    adapted: Artifact,
    corpus: Artifact,
    tokenizer: Artifact,
) -> str:
    """The whole card as Markdown; a function of the artifacts alone, so the same release has the same card."""
    parts = [
        front_matter(name, licence, scores, base.manifest["spec"]),
        f"# {name}\n\nA language model adapted to a domain by continued pretraining with Shoptalk.\n",
        "## Best use cases\n\n" + (intended_use.strip() or stated_use(corpus)) + "\n",
        "## How it was trained\n\n" + training(base, adapted, tokenizer),
        "## Data\n\n" + funnel(corpus.facts),
        "## Scores\n\n" + score_table(scores) + "\n" + "".join(f"- {reason}\n" for reason in reasons),
        "## Known limitations\n\n" + (limitations.strip() or stated_limits(adapted)) + "\n",
        "## How to load it\n\n" + LOADING,
        "## Lineage\n\n" + lineage_table(base, adapted, corpus, tokenizer),
    ]
    return "\n".join(parts)


LOADING = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # this folder
model = AutoModelForCausalLM.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
```

`sha256sum --check SHA256SUMS` verifies every file.
"""


def stated_use(corpus: Artifact) -> str:
    """Best use cases where the recipe states none."""
    sources = ", ".join(sorted(corpus.facts["sources"]))
    return f"Completing and scoring text of its domain. It was trained on: {sources}."


def stated_limits(adapted: Artifact) -> str:
    """Known limitations where the recipe states none: what holds for every such model."""
    return (
        f"A model of {adapted.facts['parameters']:,} parameters that predicts text. It was not tuned to follow "
        "instructions, states falsehoods fluently, and knows nothing later than its data."
    )


def training(base: Artifact, adapted: Artifact, tokenizer: Artifact) -> str:
    """Base, tokens, mixture, rates, and the last loss."""
    spec, facts = adapted.manifest["spec"], adapted.facts
    scratch = base.manifest["spec"].get("scratch")
    if scratch:
        shape = f"{scratch['architecture']} of {scratch['layers']} layers and width {scratch['width']}"
        origin = f"a {shape}, first trained from scratch on {base.facts['tokens']:,} tokens of general text"
    else:
        origin = "given weights (see lineage)"
    mixture = ", ".join(f"{share:.0%} {part}" for part, share in spec["mixture"].items())
    epochs = ", ".join(f"{part} {count:.2f}" for part, count in facts["epochs"].items())
    return (
        f"- Base: {origin}; {facts['parameters']:,} parameters, up to {facts['context']:,} tokens of context.\n"
        f"- Tokenizer: {tokenizer.facts['size']:,} pieces.\n"
        f"- Continued pretraining ({spec['objective']}) on {facts['tokens']:,} tokens: {mixture}; passes: {epochs}.\n"
        f"- AdamW, {spec['batch']:,} tokens a batch, peak learning rate {spec['learning_rate']:g}, "
        f"{spec['decay']} decay after {spec['warmup']:.0%} warm-up; last loss {facts['loss']:.3f} nats a token.\n"
    )


def funnel(facts: dict[str, Any]) -> str:
    """Documents and bytes that came in, went by reason, and stayed by split."""
    rows = [("collected", facts["documents_in"], facts["bytes_in"])]
    lines = ["| step | documents | MB |", "| --- | ---: | ---: |"]
    lines += [f"| {what} | {count:,} | {size / 1e6:.2f} |" for what, count, size in rows]
    lines += [f"| dropped: {reason} | {count:,} | |" for reason, count in facts["dropped"].items()]
    lines += [f"| changed: {reason} | {count:,} | |" for reason, count in facts["changed"].items()]
    for split, parts in facts["splits"].items():
        lines += [f"| {split}, {p} | {c['documents']:,} | {c['bytes'] / 1e6:.2f} |" for p, c in parts.items()]
    return "\n".join(lines) + "\n"


def score_table(scores: dict[str, Any]) -> str:
    """Bits per UTF-8 byte of the three arms, and both changes with their intervals."""
    lines = [
        "Bits per UTF-8 byte on held-out text, lower is better. "
        "The control spent the same tokens on general text only.\n",
        "| text | base | control | adapted | against control | against base |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for part, score in scores.items():
        values = " | ".join(f"{score[arm]:.3f}" for arm in ARMS)
        control = bounded(score["change_from_control"], score["interval_from_control"])
        lines.append(f"| {part} | {values} | {control} | {bounded(score['change'], score['interval'])} |")
    return "\n".join(lines) + "\n"


def bounded(change: float, interval: list[float]) -> str:
    """A change in percent with its 95% interval."""
    return f"{change:+.1%} [{interval[0]:+.1%}, {interval[1]:+.1%}]"


def lineage_table(*artifacts: Artifact) -> str:
    """Kind and digest of what the release was made from; lineage.json has their specs."""
    lines = ["| from | digest |", "| --- | --- |"]
    lines += [f"| {a.manifest['stage']} | `{a.digest}` |" for a in artifacts]
    return "\n".join(lines) + "\n"

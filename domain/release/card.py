"""The model card: best use cases, how it was trained, its data, its scores, its known limitations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.artifacts import Artifact
from domain.numerics import Numerics
from domain.release import tuned as orders
from domain.release.decision import DecisionRecord
from domain.release.front_matter import front_matter
from domain.release.scores import PartScore
from domain.release.usage import USAGE, Usage, opening
from domain.release.vocabulary import tokenizer_chapter

LIMITS = """- It states falsehoods fluently. Nothing that it says is evidence.
- It knows nothing later than its data, and repeats the errors and the bias that are in them.
- Its scores tell how well it predicts text of its sources. They are no measure of any task.
- Filters for privacy and harm are not perfect: it may repeat what they missed.
"""
HIDDEN = (
    "\nBits are those of restoring hidden parts, over the bytes of these; not to be set beside those of a decoder.\n"
)


def card(
    *,
    name: str,
    licence: str,
    intended_use: str,
    limitations: str,
    decision: DecisionRecord,
    base: Artifact,
    adapted: Artifact,
    corpus: Artifact,
    tokenizer: Artifact,
    tuned: Artifact | None = None,
    base_name: str = "",
) -> str:
    """The whole card as Markdown; a function of the artifacts alone, so the same release has the same card."""
    scores, objective = decision.scores, adapted.manifest["spec"]["objective"]["kind"]
    usage = USAGE[objective]
    limits = f"- {orders.LIMIT if tuned else usage.untuned}\n{LIMITS}"
    scored = (orders.BEFORE if tuned else "") + score_table(scores) + ("" if objective == "causal" else HIDDEN)
    made = {"base": base, "adapted": adapted, "corpus": corpus, "tokenizer": tokenizer}
    parts = [
        front_matter(name, licence, {} if tuned else scores, base.manifest["spec"], usage.task),
        f"# {name}\n\nA language model adapted to a domain by continued pretraining"
        f"{', then tuned to follow instructions' if tuned else ''}.\n{headline(scores)}\n",
        "## Best use cases\n\n" + (intended_use.strip() or stated_use(corpus, usage, tuned)) + "\n",
        "## How to load it\n\n" + opening(objective, tuned=tuned is not None),
        "## How it was trained\n\n"
        + training(base, adapted, tokenizer, base_name)
        + (orders.training(tuned) if tuned else ""),
        "## Tokenizer\n\n" + tokenizer_chapter(decision.tokenizer),
        "## Data\n\n" + funnel(corpus.facts),
        "## Scores\n\n" + scored + "\n" + "".join(f"- {reason}\n" for reason in decision.reasons),
        "## Known limitations\n\n" + (limitations.strip() + "\n\n" if limitations.strip() else "") + limits,
        "## Lineage\n\n" + lineage_table(**made, **({"tuned": tuned} if tuned else {})),
    ]
    return "\n".join(parts)


def headline(scores: Mapping[str, PartScore]) -> str:
    """What it gained, in a sentence."""
    gained = scores["domain"].changes["control"].percent()
    return f"Bits per byte on held-out text of the domain: {gained} against a control that read general text only."


def stated_use(corpus: Artifact, usage: Usage, tuned: Artifact | None) -> str:
    """Best use cases where the recipe states none."""
    sources = ", ".join(sorted(corpus.facts.get("sources", {})))
    return f"{orders.USE if tuned else usage.use}, as it stands in: {sources}."


def training(base: Artifact, adapted: Artifact, tokenizer: Artifact, base_name: str = "") -> str:
    """Base, tokens, mixture, rates, and the last loss."""
    spec, facts = adapted.manifest["spec"], adapted.facts
    scratch, weights = base.manifest["spec"].get("scratch"), base.manifest["spec"].get("weights", "")
    if scratch:
        shape = f"{scratch['architecture']} (layers {scratch['layers']}, width {scratch['width']})"
        origin = f"{shape}, first trained from scratch on {base.facts['tokens']:,} tokens of general text"
    else:
        origin = (
            f"the weights {weights}"
            if "/" in weights
            else f"{base_name or 'given weights'} (SHA-256 of its files: `{weights}`)"
        )
    mixture = mixed(spec["mixture"])
    numerics = adapted.manifest.get("numerics")
    computed = f"- Computed with {Numerics.model_validate(numerics).sentence()}.\n" if numerics else ""
    epochs = ", ".join(f"{count:.2f} of {part}" for part, count in facts["epochs"].items())
    return (
        f"- Base: {origin}; {facts['parameters']:,} parameters, up to {facts['context']:,} tokens of context.\n"
        f"- Tokenizer: {tokenizer.facts['size']:,} pieces.\n"
        f"- Continued pretraining ({spec['objective']['kind']}) on {facts['tokens']:,} tokens, {mixture} text; "
        f"passes over the text: {epochs}.\n"
        f"- AdamW, {spec['batch']:,} tokens a batch, peak learning rate {spec['learning_rate']:g}"
        f"{orders.low_rank(spec)}, {decay(spec)}; "
        f"loss at the end {facts['loss']:.3f} nats a token.\n"
        f"{computed}"
    )


def mixed(mixture: dict[str, Any]) -> str:
    """The shares of what was read, and how they changed."""
    phases = mixture.get("phases") or [mixture]
    told = [", ".join(f"{phase[part]:.0%} {part}" for part in ("domain", "general") if phase[part]) for phase in phases]
    return (
        told[0]
        if len(told) == 1
        else "; ".join(
            f"until {phase['until']:.0%} of the training {shares}" for phase, shares in zip(phases, told, strict=True)
        )
    )


def decay(spec: dict[str, Any]) -> str:
    """The learning rate's course in words."""
    course = "constant" if spec["decay"] == "none" else f"{spec['decay']} decay to {spec['final_rate']:.0%} of it"
    return f"{spec['warmup']:.0%} warm-up, then {course}"


def funnel(facts: dict[str, Any]) -> str:
    """Documents and bytes that came in, went by reason, and stayed by split; then the sources."""
    lines = ["| step | documents | MB |", "| --- | ---: | ---: |"]
    lines += [row("collected", facts["documents_in"], facts["bytes_in"])]
    lines += [row(f"dropped: {reason}", count) for reason, count in facts["dropped"].items()]
    lines += [row("quarantined: a filter failed on it", facts["quarantined"])] if facts["quarantined"] else []
    lines += [row("kept", facts["documents_out"], facts["bytes_out"])]
    lines += [row(f"of these changed: {reason}", count) for reason, count in facts["changed"].items()]
    for split, parts in facts["splits"].items():
        named = f"of these {split}" if split == "train" else f"of these held out: {split}"
        lines += [row(f"{named}, {part}", c["documents"], c["bytes"]) for part, c in sorted(parts.items())]
    lines += ["", "| source | documents collected | kept |", "| --- | ---: | ---: |"]
    lines += [f"| {cell(source)} | {c['in']:,} | {c['out']:,} |" for source, c in facts["sources"].items()]
    return "\n".join(lines) + "\n"


def row(what: str, documents: int, size: int | None = None) -> str:
    """A row of the funnel; megabytes are 1,000,000 bytes."""
    return f"| {cell(what)} | {documents:,} | {'' if size is None else f'{size / 1e6:.2f}'} |"


def cell(text: str) -> str:
    """Text that cannot end a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")


def score_table(scores: Mapping[str, PartScore]) -> str:
    """Bits per UTF-8 byte of every model, and both changes with their intervals."""
    models = list(scores["domain"].bits)
    lines = [
        "Bits per UTF-8 byte on held-out text, lower is better. The control started from the same base and read as "
        "many tokens, of general text only. Changes are relative, with 95% intervals.\n",
        f"| text | {' | '.join(models)} | against control | against base |",
        f"| --- |{' ---: |' * (len(models) + 2)}",
    ]
    for part, score in scores.items():
        values = " | ".join(f"{score.bits[model]:.3f}" for model in models)
        control, base = (score.changes[model].percent() for model in ("control", "base"))
        lines.append(f"| {part} | {values} | {control} | {base} |")
    return "\n".join(lines) + "\n"


def lineage_table(**artifacts: Artifact) -> str:
    """Digest of what the release was made from."""
    lines = ["SHA-256 digests; `lineage.json` has the recipe and, of each, what was asked and what came out.\n"]
    lines += ["| from | digest |", "| --- | --- |"]
    lines += [f"| {name} | `{artifact.digest}` |" for name, artifact in artifacts.items()]
    return "\n".join(lines) + "\n"

"""The model card: use cases, training, data, scores, limitations and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import starmap
from typing import Any

from domain.artifacts import PARTS, Artifact
from domain.numerics import Numerics
from domain.release import tuned as instructions
from domain.release.decision import DecisionRecord
from domain.release.front_matter import front_matter
from domain.release.markdown import escape, table
from domain.release.scores import PartScore
from domain.release.usage import USAGE, Usage, opening
from domain.release.vocabulary import tokenizer_chapter
from domain.units import percent

LIMITS = """- It states falsehoods fluently: do not rely on its output as evidence.
- It knows nothing later than its data, and repeats their errors and biases.
- Its scores measure how well it predicts text of its sources, not how well it does any task.
- Filters for privacy and harm are imperfect: it may repeat what they missed.
"""
HIDDEN_NOTE = "\nBits are of restoring hidden tokens, per byte of these; they do not compare with those of a decoder.\n"


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
    datasheet: Artifact,
    tuned: Artifact | None = None,
    base_name: str = "",
) -> str:
    """The card as Markdown; a function of the artifacts alone, so the same release has the same card."""
    scores, objective = decision.scores, adapted.manifest["spec"]["objective"]["kind"]
    usage = USAGE[objective]
    limits = f"- {instructions.LIMIT if tuned else usage.untuned}\n{LIMITS}"
    chapter = (instructions.BEFORE if tuned else "") + score_table(scores)
    chapter += "" if objective == "causal" else HIDDEN_NOTE
    made = {"base": base, "adapted": adapted, "corpus": corpus, "tokenizer": tokenizer, "datasheet": datasheet}
    parts = [
        front_matter(
            name,
            licence,
            {} if tuned else scores,
            base.manifest["spec"],
            usage.task,
            languages=datasheet.facts.get("languages", {}),
        ),
        f"# {escape(name)}\n\nA language model adapted to a domain by continued pretraining"
        f"{', then tuned to follow instructions' if tuned else ''}.\n{headline(scores)}{untested(decision)}\n",
        "## Best use cases\n\n" + (intended_use.strip() or stated_use(corpus, usage, tuned)) + "\n",
        "## How to load it\n\n" + opening(objective, tuned=tuned is not None),
        "## How it was trained\n\n"
        + training(base, adapted, tokenizer, base_name)
        + (instructions.training(tuned) if tuned else ""),
        "## Tokenizer\n\n" + tokenizer_chapter(decision.tokenizer),
        "## Data\n\n" + data_chapter(corpus.facts, datasheet.facts),
        "## Scores\n\n"
        + chapter
        + "\n"
        + "".join(f"- {each}\n" for each in [*decision.reasons, *starmap(overlap_sentence, scores.items())]),
        "## Known limitations\n\n" + (limitations.strip() + "\n\n" if limitations.strip() else "") + limits,
        "## Lineage\n\n" + lineage_table(**made, **({"tuned": tuned} if tuned else {})),
    ]
    return "\n".join(parts)


def untested(decision: DecisionRecord) -> str:
    """A sentence on gates without enough held-out text; nothing if all were tested."""
    return f" **Not tested: {', '.join(decision.untested)}.**" if decision.untested else ""


def headline(scores: Mapping[str, PartScore]) -> str:
    """The gain on domain text, in a sentence."""
    gained = scores["domain"].changes["control"].percent()
    return f"Bits per byte on held-out text of the domain: {gained} against a control trained on general text only."


def stated_use(corpus: Artifact, usage: Usage, tuned: Artifact | None) -> str:
    """Best use cases if the recipe states none."""
    sources = ", ".join(escape(source) for source in sorted(corpus.facts.get("sources", {})))
    return f"{instructions.USE if tuned else usage.use}, such as that of {sources}."


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
            else f"{escape(base_name) or 'local weights'} (SHA-256 of its files: `{weights}`)"
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
        f"{instructions.low_rank(spec)}, {decay(spec)}; "
        f"loss at the end {facts['loss']:.3f} nats a token.\n"
        f"{computed}"
    )


def mixed(mixture: dict[str, Any]) -> str:
    """The shares of domain and general text, by phase."""
    phases = mixture.get("phases") or [mixture]
    shares = [", ".join(f"{phase[part]:.0%} {part}" for part in PARTS if phase[part]) for phase in phases]
    if len(phases) == 1:
        return shares[0]
    return "; ".join(f"{share} until {phase['until']:.0%}" for phase, share in zip(phases, shares, strict=True))


def decay(spec: dict[str, Any]) -> str:
    """The learning rate schedule in words."""
    course = "constant" if spec["decay"] == "none" else f"{spec['decay']} decay to {spec['final_rate']:.0%} of it"
    return f"{spec['warmup']:.0%} warm-up, then {course}"


def data_chapter(facts: dict[str, Any], sheet: dict[str, Any]) -> str:
    """Documents and bytes collected and kept, removed by reason, and by source; then languages and licences."""
    sizes = [("collected", facts["documents_in"], facts["bytes_in"])]
    sizes += [("kept", facts["documents_out"], facts["bytes_out"])]
    for split, parts in facts["splits"].items():
        name = split if split == "train" else f"held out: {split}"
        sizes += [(f"{name}, {part}", each["documents"], each["bytes"]) for part, each in sorted(parts.items())]
    removed = [(f"dropped: {reason}", count) for reason, count in facts["dropped"].items()]
    removed += [("quarantined: a filter failed", facts["quarantined"])] if facts["quarantined"] else []
    removed += [(f"edited: {reason}", count) for reason, count in facts["changed"].items()]
    sources = [(escape(source), f"{c['in']:,}", f"{c['out']:,}") for source, c in facts["sources"].items()]
    languages, licences = (shares(sheet.get(kind, {})) for kind in ("languages", "licences"))
    return "\n".join(
        [
            table(["text", "documents", "MB"], [(name, f"{n:,}", f"{size / 1e6:.2f}") for name, n, size in sizes]),
            table(["removed or edited", "documents"], [(escape(reason), f"{count:,}") for reason, count in removed]),
            table(["source", "documents collected", "documents kept"], sources),
            f"Languages of the text: {languages}. Licences: {licences}.\n",
        ]
    )


def shares(sizes: Mapping[str, int]) -> str:
    """Names with their shares of the bytes, the largest first."""
    total = sum(sizes.values())
    rows = sorted(sizes.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{escape(name)} {percent(size / total)}" for name, size in rows if size) or "not known"


def score_table(scores: Mapping[str, PartScore]) -> str:
    """Bits per UTF-8 byte of every model, and both changes with their intervals."""
    models = list(scores["domain"].bits)
    rows = [
        [
            part, *(f"{score.bits[model]:.3f}" for model in models),
            *(score.changes[model].percent() for model in ("control", "base")),
        ]
        for part, score in scores.items()
    ]  # fmt: skip
    return (
        "Bits per UTF-8 byte on held-out text, lower is better. The control continued from the same base with the same "
        "number of tokens, of general text only. Changes are relative, with 95% intervals.\n\n"
        + table(["text", *models, "against control", "against base"], rows)
    )


def overlap_sentence(part: str, score: PartScore) -> str:
    """How much of the test text was trained on, and the gain on the documents of which nothing was."""
    overlap = score.overlap
    share = f"Of the word {overlap.words}-grams of the {part} test documents {percent(overlap.total.share)} stand in"
    sentence = f"{share} training text too."
    new = min(overlap.new_text, key=lambda each: each.max_share)
    if new.score is None:
        return f"{sentence} No document is without such."
    documents, change = new.score.documents, new.score.changes["control"].percent()
    return f"{sentence} On the {documents:,} of {score.documents:,} without any: {change} against the control."


def lineage_table(**artifacts: Artifact) -> str:
    """Digests of the artifacts that the release was made from."""
    rows = [(name, f"`{artifact.digest}`") for name, artifact in artifacts.items()]
    return "SHA-256 digests; `lineage.json` has the recipe, and settings and results of each.\n\n" + table(
        ["artifact", "digest"], rows
    )

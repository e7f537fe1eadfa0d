"""What the card says of the tokenizer: its measures, and the verdict on an extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def about_tokenizer(fitted: Mapping[str, Any]) -> str:
    """Size and bytes per token, beside those of other tokenizers; then what a pilot came to, if there was one."""
    measures, verdict = fitted["measures"], fitted["verdict"]
    named = {"this tokenizer": measures, **measures.get("compared", {})}
    lines = ["| tokenizer | pieces | bytes per token, domain | general |", "| --- | ---: | ---: | ---: |"]
    for name, each in named.items():
        ratios = [each["bytes_per_token"].get(part) for part in ("domain", "general")]
        shown = " | ".join("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
        lines.append(f"| {name} | {each['size']:,} | {shown} |")
    told = "".join(f"- {sentence}\n" for sentence in weighed(verdict)) if verdict else ""
    return "\n".join(lines) + "\n" + (f"\n{told}" if told else "")


def weighed(verdict: Mapping[str, Any]) -> list[str]:
    """The verdict in sentences: the saving, the price, when it pays, and what the pilot says of the quality."""
    saved = {part: verdict["tokens"][part]["saved"] or 0.0 for part in ("domain", "general")}
    kept, extended = verdict["parameters"]["kept"], verdict["parameters"]["extended"]
    flops = verdict["flops_per_token"]["extended"] / verdict["flops_per_token"]["kept"] - 1.0
    paid = verdict["break_even"]
    if paid["trained"] is None:
        pays = "It never pays: a domain text costs more FLOPs than before."
    else:
        pays = (
            f"What the pilots cost is saved after {paid['trained']:,} tokens of domain text in training, "
            f"or {paid['served']:,} in serving."
        )
    return [
        f"The extension takes {saved['domain']:.1%} fewer tokens for domain text, "
        f"{saved['general']:.1%} for general text.",
        f"It costs {extended - kept:,} parameters ({extended / kept - 1.0:+.1%}) and {flops:+.1%} FLOPs a token; "
        f"a domain text costs {verdict['flops_per_domain_text']:+.1%}. {pays}",
        *verdict["reasons"],
        f"By the pilot, the choice is to {verdict['recommended']}.",
    ]

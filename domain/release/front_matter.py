"""The card's YAML front matter, as the Hugging Face hub reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from domain.release.scores import PartScore

# https://huggingface.co/docs/hub/repositories-licenses; the hub refuses a card with any other.
HUB_LICENCES = """
    afl-3.0 agpl-3.0 apache-2.0 apple-ascl artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0
    bigscience-openrail-m bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
    cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0
    etalab-2.0 eupl-1.1 eupl-1.2 gemma gfdl gpl gpl-2.0 gpl-3.0 h-research intel-research isc lgpl lgpl-2.1 lgpl-3.0
    lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1
    openrail openrail++ osl-3.0 other pddl postgresql unknown unlicense wtfpl zlib
"""
CODE = re.compile(r"(?!und)[a-z]{2,3}")


def front_matter(
    name: str,
    licence: str,
    scores: Mapping[str, PartScore],
    base: dict[str, Any],
    task: str = "text-generation",
    *,
    languages: Mapping[str, int] | None = None,
) -> str:
    """Licence, languages, base model, ``task``, tags, and bits per byte as results of the model, as YAML.

    ``base`` is the spec of the base, named if its weights are of the hub, ``org/model@commit``. ``languages`` are
    bytes of text by ISO 639 code; those of 1% or more are listed. A licence that the hub does not list is named under
    ``other``. Without ``scores`` there are no results: those from before tuning are not this model's.
    """
    results = [
        {
            "task": {"type": task},
            "dataset": {"name": f"held-out {part} text", "type": f"held-out-{part}"},
            "metrics": [{"type": "bits_per_byte", "name": "bits per UTF-8 byte", "value": score.bits["adapted"]}],
        }
        for part, score in scores.items()
    ]
    listed = licence in HUB_LICENCES.split()
    content: dict[str, Any] = {"license": licence if listed else "other"}
    if not listed:
        content["license_name"] = licence
    sizes = languages or {}
    codes = [code for code, size in sizes.items() if CODE.fullmatch(code) and size >= 0.01 * sum(sizes.values())]
    if codes:
        content["language"] = sorted(codes, key=lambda code: -sizes[code])
    weights = base.get("weights")
    if isinstance(weights, str) and "/" in weights:
        content["base_model"] = weights.partition("@")[0]
        content["base_model_relation"] = "finetune"
    content |= {
        "library_name": "transformers",
        "pipeline_tag": task,
        "tags": ["domain-adaptation", "continued-pretraining", "shoptalk"],
        **({"model-index": [{"name": name, "results": results}]} if results else {}),
    }
    return "---\n" + yaml.safe_dump(content, sort_keys=False, allow_unicode=True) + "---\n"

"""The card's YAML header, as the Hugging Face hub reads it."""

from __future__ import annotations

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


def front_matter(
    name: str, licence: str, scores: Mapping[str, PartScore], base: dict[str, Any], task: str = "text-generation"
) -> str:
    """The header between its rules: licence, base model, ``task``, tags, and bits per byte as the model's results.

    ``base`` is the spec of the base; only weights from the hub, ``org/model@revision``, are named. A licence that
    the hub does not know is given by name, under ``other``. No ``scores``, no results: those of the model before it
    was tuned are not this model's.
    """
    results = [
        {
            "task": {"type": task},
            "dataset": {"name": f"held-out {part} text", "type": f"held-out-{part}"},
            "metrics": [{"type": "bits_per_byte", "name": "bits per UTF-8 byte", "value": score.bits["adapted"]}],
        }
        for part, score in scores.items()
    ]
    known = licence in HUB_LICENCES.split()
    content: dict[str, Any] = {"license": licence if known else "other"}
    if not known:
        content["license_name"] = licence
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

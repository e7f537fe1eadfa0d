"""Published peak learning rates of public bases, and the lower rate recommended to continue from them."""

from __future__ import annotations

import re

from domain.pretrained.weights import is_local

CAREFUL = 0.1  # of the peak; at the full peak, MMLU of ChipNeMo's base fell from 44.6 to 26.6 (arXiv 2311.00176)
USUAL = 3e-4  # assumed for an unknown peak: that of Llama 2, 7B and 13B
# Name on the hub without organisation, peak rate of AdamW, source.
PEAKS: tuple[tuple[str, float, str], ...] = (
    (r"bert-base-(un)?cased|bert-large-(un)?cased", 1e-4, "arXiv 1810.04805"),
    (r"roberta-base", 6e-4, "arXiv 1907.11692"),
    (r"roberta-large", 4e-4, "arXiv 1907.11692"),
    (r"modernbert-base", 8e-4, "arXiv 2412.13663"),
    (r"modernbert-large", 5e-4, "arXiv 2412.13663"),
    (r"pythia-(14m|31m|70m)", 1e-3, "arXiv 2304.01373"),
    (r"pythia-160m", 6e-4, "arXiv 2304.01373"),
    (r"pythia-(410m|1b)", 3e-4, "arXiv 2304.01373"),
    (r"pythia-1\.4b", 2e-4, "arXiv 2304.01373"),
    (r"pythia-2\.8b", 1.6e-4, "arXiv 2304.01373"),
    (r"pythia-(6\.9b|12b)", 1.2e-4, "arXiv 2304.01373"),
    (r"opt-125m", 6e-4, "arXiv 2205.01068"),
    (r"opt-350m", 3e-4, "arXiv 2205.01068"),
    (r"opt-1\.3b", 2e-4, "arXiv 2205.01068"),
    (r"opt-2\.7b", 1.6e-4, "arXiv 2205.01068"),
    (r"opt-6\.7b", 1.2e-4, "arXiv 2205.01068"),
    (r"bloom-560m", 3e-4, "arXiv 2211.05100"),
    (r"bloom-1b1", 2.5e-4, "arXiv 2211.05100"),
    (r"bloom-1b7", 2e-4, "arXiv 2211.05100"),
    (r"bloom-3b", 1.6e-4, "arXiv 2211.05100"),
    (r"bloom-7b1", 1.2e-4, "arXiv 2211.05100"),
    (r"llama-2-(7b|13b)", 3e-4, "arXiv 2307.09288"),
    (r"llama-2-70b", 1.5e-4, "arXiv 2307.09288"),
    (r"(meta-)?llama-3(\.1)?-8b", 3e-4, "arXiv 2407.21783"),
    (r"(meta-)?llama-3(\.1)?-70b", 1.5e-4, "arXiv 2407.21783"),
)


def careful_rate(weights: str) -> tuple[float, str] | None:
    """(A tenth of the peak, reason) for a base ``org/model@commit`` on the hub; None for a folder or no weights."""
    if not weights or is_local(weights):
        return None
    name = weights.partition("@")[0].rpartition("/")[2].lower()
    for pattern, peak, source in PEAKS:
        if re.match(rf"(?:{pattern})(?![\d.])", name):
            return float(f"{CAREFUL * peak:.3g}"), f"a tenth of the peak of {name}, {peak:g} ({source})"
    return float(f"{CAREFUL * USUAL:.3g}"), f"a tenth of {USUAL:g}, since the peak of {name} is unknown"

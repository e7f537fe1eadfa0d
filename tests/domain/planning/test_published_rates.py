from __future__ import annotations

from pathlib import Path

import pytest

from domain.planning.published_rates import careful_rate


@pytest.mark.parametrize(
    ("weights", "rate", "source"),
    [
        ("EleutherAI/pythia-1b-deduped@abc", 3e-5, "2304.01373"),
        ("EleutherAI/pythia-12b@abc", 1.2e-5, "2304.01373"),
        ("answerdotai/ModernBERT-base@abc", 8e-5, "2412.13663"),
        ("google-bert/bert-base-uncased@abc", 1e-5, "1810.04805"),
        ("FacebookAI/roberta-large@abc", 4e-5, "1907.11692"),
        ("meta-llama/Llama-2-70b-hf@abc", 1.5e-5, "2307.09288"),
        ("meta-llama/Meta-Llama-3-8B@abc", 3e-5, "2407.21783"),
        ("bigscience/bloom-7b1@abc", 1.2e-5, "2211.05100"),
    ],
)
def test_a_tenth_of_what_was_published(weights: str, rate: float, source: str) -> None:
    found = careful_rate(weights)
    assert found is not None
    assert found[0] == rate
    assert source in found[1]


@pytest.mark.parametrize("weights", ["some/model@abc", "EleutherAI/pythia-1.5b@abc", "x/opt-125m.5@abc"])
def test_a_peak_that_is_not_known(weights: str) -> None:
    found = careful_rate(weights)
    assert found is not None
    assert found[0] == 3e-5
    assert "the peak of" in found[1]


def test_folders_and_models_from_scratch_are_none_of_it(tmp_path: Path) -> None:
    assert careful_rate(str(tmp_path)) is careful_rate("") is careful_rate("models/mine/base") is None

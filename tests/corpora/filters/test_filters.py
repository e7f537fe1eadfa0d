from __future__ import annotations

from corpora import Curation


def test_filters_judge_in_the_recipes_order() -> None:
    spec = Curation.model_validate({"filters": ["harm", {"kind": "privacy", "drop": ["key"]}]})
    assert [each.kind for each in spec.filters] == ["harm", "privacy"]
    assert spec.identity_key()["filters"][1]["drop"] == ["key"]

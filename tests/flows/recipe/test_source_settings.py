"""What a source says of its own cleaning: filters, and whether its near duplicates go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corpora.collect import Collection
from flows.recipe.recipe import load_recipe
from tests.flows.recipe.test_recipe import GOOD, errors, write


def corpus(**of_domain: Any) -> dict[str, Any]:
    """The corpus of a recipe whose domain has a crawl and filings."""
    crawl = {"kind": "files", "name": "crawl", "path": "crawl.jsonl", "licence": "mit", **of_domain}
    filings = {"kind": "files", "name": "filings", "path": "filings.jsonl", "licence": "mit"}
    return {**GOOD["corpus"], "domain": [crawl, filings]}


def test_a_crawl_and_filings_stand_in_one_recipe(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, corpus=corpus(filters="web", near=False)))
    spec = recipe.corpus.curation()
    assert set(spec.source_filters) == {"crawl"}
    assert [each.kind for each in spec.source_filters["crawl"]] == ["language", "quality", "privacy", "harm"]
    assert spec.keep_near == ("crawl",)
    plain = load_recipe(write(tmp_path, corpus=corpus())).corpus
    assert plain.curation().source_filters == {}
    assert plain.curation().identity_key() != spec.identity_key()
    # What is collected is the same: no source is read again because its filters change.
    assert recipe.corpus.narrow(Collection).identity_key() == plain.narrow(Collection).identity_key()


def test_filters_of_a_source_that_are_the_recipes_own_are_told(tmp_path: Path) -> None:
    again = load_recipe(write(tmp_path, corpus=corpus(filters=["language", {"kind": "privacy", "drop": ["key"]}])))
    (filters,) = again.corpus.curation().source_filters.values()
    assert [each.kind for each in filters] == ["language", "privacy"]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("corpus.domain.0.filters=pages", "'pages' is no preset; write documents or web, or a list"),
        ("corpus.domain.0.filters=[qality]", "name one of"),
        ("corpus.domain.0.filters=[{kind: quality, gopher: {word_least: 3}}]", "did you mean words_least"),
        ("corpus.domain.0.near=0.9", "near"),
        ("corpus.filters=page", "'page' is no preset"),
        ("corpus.source_filters={crawl: web}", "write filters: at the source itself"),
        ("corpus.keep_near=[crawl]", "write near: at the source itself"),
        ("corpus.max_filtered=2", "max_filtered"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path: Path, override: str, told: str) -> None:
    assert told in errors(write(tmp_path, corpus=corpus()), override)


def test_two_sources_of_one_name_have_one_set_of_filters(tmp_path: Path) -> None:
    both = corpus(name="filings", filters="web")
    assert "two sources are called filings and differ in filters or near" in errors(write(tmp_path, corpus=both))

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpora import Collection, collect
from corpora.document import Document
from corpora.ledger.ledger import LEDGER, read_ledger
from corpora.sources.columns import Columns
from corpora.sources.licensing import agreed, header_licences, licence_columns, page_licence, record_licence
from domain.errors import UserError
from domain.jsonlines import read_lines
from domain.machine import Machine


def document(record: dict[str, Any], *, card: str | None = None, **settings: Any) -> Document:
    columns = Columns.model_validate(settings)
    return columns.document({"text": "t", **record}, source="desk", name="n", place="calls.jsonl:7", card=card)


@pytest.mark.parametrize(
    ("record", "stated"),
    [
        ({}, None), ({"license": None}, None), ({"license": ""}, None), ({"license": "Unknown"}, None),
        ({"license": []}, None),
        ({"license": "mit"}, "mit"), ({"licence": "mit"}, "mit"), ({"LICENSE": "mit"}, "mit"),
        ({"Licence ": "mit"}, "mit"),
        ({"licenses": ["mit", "isc"]}, "mit and isc"), ({"license": {"name": "MIT License"}}, "MIT License"),
        ({"dc:license": "mit"}, "mit"),
        ({"licenseUrl": "https://spdx.org/licenses/MIT"}, "https://spdx.org/licenses/MIT"),
        ({"license": "other", "license_name": "llama3"}, "llama3"), ({"license": "other"}, "other"),
        ({"license": "mit", "license_url": "https://x.example"}, "mit"),
        ({"license": "mit", "licence": "isc"}, "mit and isc"),
        ({"metadata": {"license": "Public Domain"}}, "Public Domain"), ({"meta": {"licence": "mit"}}, "mit"),
        ({"max_stars_repo_licenses": ["MIT"]}, "MIT"), ({"license_expression": "MIT OR ISC"}, "MIT OR ISC"),
        ({"license": 3}, "3"), ({"driver_license": "B1234567", "rights": "all", "licensee": "x"}, None),
        ({"license": [[[[["mit"]]]]]}, None),
    ],
)  # fmt: skip
def test_how_a_record_speaks(record: dict[str, Any], stated: str | None) -> None:
    assert record_licence(record) == stated
    made = document(record)
    assert (made.licence, made.licence_from) == (stated, "record" if stated else None)


def test_the_columns_of_a_table_that_may_state_one() -> None:
    names = ["text", "License", "metadata.license", "metadata.date", "license_url.x", "meta.licence.name", "license"]
    assert licence_columns(names) == ["License", "metadata.license", "meta.licence.name", "license"]


def test_the_recipe_fills_gaps() -> None:
    for record in ({}, {"license": None}, {"license": "unknown"}, {"licence": " "}):
        made = document(record, licence="internal")
        assert (made.licence, made.licence_from) == ("internal", "recipe")


@pytest.mark.parametrize("stated", ["MIT License", "mit", "MIT", "https://opensource.org/licenses/MIT", ["mit"]])
def test_both_may_say_the_same(stated: object) -> None:
    made = document({"license": stated}, licence="mit")
    assert made.licence_from == "record"


@pytest.mark.parametrize(
    "record",
    [
        {"license": "proprietary"}, {"licence": "cc-by-nc-4.0"}, {"License": "mit"}, {"licenses": ["internal", "mit"]},
        {"license": {"id": "gpl-3.0"}}, {"metadata": {"license": "mit"}}, {"license": "other"},
        {"license": "internal or mit"},
    ],
)  # fmt: skip
def test_a_contradiction_stops_unless_an_override_is_stated(record: dict[str, Any]) -> None:
    stated = record_licence(record)
    with pytest.raises(UserError) as caught:
        document(record, licence="internal")
    assert caught.value.place == "calls.jsonl:7"
    assert caught.value.problem == f"its record states the licence {stated!r}, the recipe 'internal'"
    assert "licence: {override: internal}" in caught.value.fix
    made = document(record, licence={"override": "internal"})
    assert (made.licence, made.licence_from, made.overridden_licence) == ("internal", "recipe", stated)


def test_an_override_counts_what_it_overrides_only() -> None:
    for record in ({}, {"license": "Internal"}):
        assert document(record, licence={"override": "internal"}).overridden_licence is None


def test_a_named_column_is_the_record_speaking() -> None:
    record = {"terms": "cc-by-4.0", "license": "mit"}
    assert document(record, licence="terms").licence == "cc-by-4.0"
    assert document({"terms": None, "license": "mit"}, licence="terms").licence is None


def test_a_data_set_speaks_where_its_record_does_not() -> None:
    made = document({}, card="odc-by")
    assert (made.licence, made.licence_from) == ("odc-by", "data set")
    assert document({"license": "mit"}, card="odc-by").licence == "mit"
    assert document({}, card="odc-by", licence="ODC-By-1.0").licence == "odc-by"
    with pytest.raises(UserError, match="its data set states the licence 'odc-by', the recipe 'internal'"):
        document({}, card="odc-by", licence="internal")


def test_who_states_a_licence_is_counted_and_the_ledger_names_what_is_overridden(
    cleaned: Any, prose: Any, tmp_path: Path
) -> None:
    licences = [{}, {"license": "Internal"}, {"license": "cc-by-nc-4.0"}, {"licence": "proprietary"}]
    records = [{"text": prose(i), "id": f"d{i}", **one} for i, one in enumerate(licences)]
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "web.jsonl").write_text("".join(json.dumps({"text": prose(f"web {i}")}) + "\n" for i in range(9)))
    source = {"kind": "files", "path": str(tmp_path / "calls.jsonl"), "licence": {"override": "internal"}}
    general = {"kind": "files", "path": str(tmp_path / "web.jsonl"), "licence": "internal"}
    settings = {"domain": [source], "general": [general], "licences": {"allow": ["internal"]}}
    raw = collect(Collection.model_validate(settings), out=tmp_path / "raw", machine=Machine(workers=1))
    row = next(read_lines(raw.path / "sources.jsonl"))
    assert row["licences"] == {"internal": 4}
    assert row["licences_stated_by"] == {"overridden": 2, "recipe": 4}
    corpus = cleaned(raw, filters=[])
    rows = read_ledger(corpus.path / LEDGER, reason="licence overridden")
    assert [(each["id"], each["action"], each["detail"]) for each in rows] == [
        ("d2", "changed", "its record states cc-by-nc-4.0, the recipe internal"),
        ("d3", "changed", "its record states proprietary, the recipe internal"),
    ]
    plain = Collection.model_validate({**settings, "domain": [{**source, "licence": "internal"}]})
    with pytest.raises(UserError, match=r"calls\.jsonl:3: its record states the licence 'cc-by-nc-4\.0'"):
        collect(plain, out=tmp_path / "other", machine=Machine(workers=1))


@pytest.mark.parametrize(
    ("stated", "licence"),
    [
        ([], None),
        (
            ["https://creativecommons.org/licenses/by/4.0/deed.en"],
            "https://creativecommons.org/licenses/by/4.0/deed.en",
        ),
        (["//creativecommons.org/licenses/by/4.0/"], "https://creativecommons.org/licenses/by/4.0/"),
        (["/terms", "CC BY 4.0"], "CC BY 4.0"),
        (["CC BY 4.0", "MIT"], "CC BY 4.0 and MIT"),
        (["/terms"], "https://a.example/terms"),
        (["terms.html#use"], "https://a.example/news/terms.html#use"),
        (["proprietary"], "proprietary"),
        (["unknown"], None),
        (["http://[broken"], "http://[broken"),
    ],
)
def test_how_a_page_speaks(stated: list[str], licence: str | None) -> None:
    """Exact names count, with a page that explains one beside it; nothing is guessed of an address."""
    assert page_licence(stated, "https://a.example/news/1") == licence


@pytest.mark.parametrize(
    ("link", "licences"),
    [
        ("", ()),
        ('<https://x.example/l>; rel="license"', ("https://x.example/l",)),
        ("<l>;rel=license", ("l",)),
        ('<a>; rel="next", <b>; title="x"; REL="nofollow License"', ("b",)),
        ('<a>; rel="licensed"; title="license"', ()),
        ("<" * 10_000 + 'a>; rel="license"', ("a",)),
    ],
)
def test_the_licences_of_a_link_header(link: str, licences: tuple[str, ...]) -> None:
    assert header_licences(link) == licences


@pytest.mark.parametrize(
    ("stated", "licence"),
    [((None, None), None), (("mit", None), "mit"), (("MIT", "mit"), "MIT"), (("mit", "isc"), "mit and isc")],
)
def test_a_feed_and_its_page_agree_or_both_count(stated: tuple[str | None, ...], licence: str | None) -> None:
    assert agreed(*stated) == licence


def test_a_recipe_that_says_unknown_says_nothing() -> None:
    made = document({"license": "mit"}, licence="unknown")
    assert (made.licence, made.licence_from) == ("mit", "record")

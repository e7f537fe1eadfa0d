from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora import Collection, Curation
from corpora.plugins import Plugins
from corpora.sources.files import Files


def wrong(kind: type, content: Any, **context: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(content, context=context)  # type: ignore[attr-defined]
    (error,) = caught.value.errors()
    return dict(error)


def collection(source: Any) -> dict[str, Any]:
    return {"domain": [source], "general": [{"kind": "files", "path": "x.txt"}], "licences": {"allow": ["mit"]}}


@pytest.mark.parametrize("source", [{"kind": "flies", "path": "x"}, {"path": "x"}, "flies", 7, {"kind": ["files"]}])
def test_an_unknown_kind_lists_those_there_are(source: Any) -> None:
    error = wrong(Collection, collection(source))
    assert error["type"] == "kind"
    assert error["loc"] == ("domain", 0)
    assert error["msg"] == "name one of crawl, edgar, feed, files, hub, packages, or package.module:name"


def test_filters_and_dedup_alike() -> None:
    error = wrong(Curation, {"filters": ["quality", "harmm"]})
    assert (error["type"], error["loc"]) == ("kind", ("filters", 1))
    assert error["msg"] == "name one of language, quality, privacy, names, harm, or package.module:name"
    error = wrong(Curation, {"dedup": ["house:Own"]})
    assert error["msg"] == "name one of exact, near, passages"


def test_an_error_names_the_field_of_the_kind_that_was_meant() -> None:
    assert wrong(Collection, collection({"kind": "files", "pth": "x", "path": "y"}))["loc"] == (
        "domain",
        0,
        "files",
        "pth",
    )
    assert "valid number" in wrong(Curation, {"filters": [{"kind": "harm", "threshold": "high"}]})["msg"]


def test_an_empty_list_is_one_error() -> None:
    assert "holds no source" in wrong(Collection, {**collection("files"), "domain": []})["msg"]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("house.no.such.module:Thing", "module house cannot be imported; install it"),
        ("house_kinds:Nothing", "cannot be imported"),
        (":Thing", "module '' of kind :Thing may not be imported"),
        ("house_kinds:Plain", "is no Source"),
        ("house_kinds:shout", "is no Source"),
    ],
)
def test_own_kinds_that_are_none(own_kinds: str, plugins: Plugins, kind: str, message: str) -> None:
    assert message in wrong(Collection, collection({"kind": kind}), plugins=plugins)["msg"]


def test_an_error_in_an_own_kind_is_one_line(own_kinds: str, plugins: Plugins) -> None:
    source = {"kind": f"{own_kinds}:Numbers", "count": "many", "more": 1}
    error = wrong(Collection, collection(source), plugins=plugins)
    assert "count: write a whole number" in error["msg"]
    assert "more: take it out" in error["msg"]
    assert "\n" not in error["msg"]


def test_own_kinds_keep_their_settings_and_see_the_recipes_folder(tmp_path: Path, plugins: Plugins) -> None:
    (tmp_path / "house_files.py").write_text(
        "from corpora.sources.files import Files\nclass Mine(Files):\n    kind: str = ''\n    extra: int = 0\n"
    )
    content = collection({"kind": "house_files:Mine", "path": "a.jsonl", "extra": 3})
    spec = Collection.model_validate(content, context={"folder": tmp_path, "plugins": plugins})
    (source,) = spec.domain
    assert isinstance(source, Files)
    assert source.path == str(tmp_path / "a.jsonl")
    assert spec.model_dump(mode="json")["domain"][0]["extra"] == 3
    assert spec.replace(max_unreadable=0.5).domain == spec.domain

"""A team's own code and the versions of libraries belong to an artifact's identity."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from corpora import Collection
from corpora.code_version import code_digest, versions
from corpora.filters.language import Language
from corpora.filters.privacy import Privacy
from corpora.plugins import Plugins
from domain.machine import Machine
from domain.stage import Stage

FILES = {
    "rules.py": "from lists import WORDS\nimport helpers.text\nimport json\n\ndef rule(document): return True\n",
    "lists.py": "WORDS = ['a']\n",
    "helpers/__init__.py": "",
    "helpers/text.py": "from . import deep\n",
    "helpers/deep.py": "import later\n",
    "later.py": "",
    "unrelated.py": "",
    "house/__init__.py": "",
    "house/rules.py": "def rule(document):\n    import lists\n    return True\n",
    "house/beside.py": "",
    "house/below/more.py": "",
    "house/notes.txt": "",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def changes(folder: Path, kind: str) -> set[str]:
    """The files whose change gives another digest."""
    before, changed = code_digest(kind), set[str]()
    for name in FILES:
        path = folder / name
        text = path.read_text()
        path.write_text(f"{text}# changed\n")
        if code_digest(kind) != before:
            changed.add(name)
        path.write_text(text)
    assert code_digest(kind) == before
    return changed


def test_a_module_and_what_it_imports_of_what_lies_beside_it(folder: Path) -> None:
    parts = {"rules.py", "lists.py", "later.py", "helpers/__init__.py", "helpers/text.py", "helpers/deep.py"}
    assert changes(folder, "rules:rule") == parts


def test_all_of_a_package_and_no_more_than_its_code(folder: Path) -> None:
    parts = {"house/__init__.py", "house/rules.py", "house/beside.py", "house/below/more.py", "lists.py"}
    assert changes(folder, "house.rules:rule") == parts


def test_where_it_lies_does_not_matter(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_digest("house.rules:rule")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("house", "lists.py"):
        shutil.move(folder / name, moved / name)
    monkeypatch.setattr(sys, "path", [str(moved), *sys.path])
    importlib.invalidate_caches()
    assert code_digest("house.rules:rule") == before
    (moved / "house" / "__pycache__").mkdir()
    (moved / "house" / "__pycache__" / "rules.py").write_text("")
    assert code_digest("house.rules:rule") == before


def test_code_that_cannot_be_parsed(folder: Path) -> None:
    before = code_digest("rules:rule")
    (folder / "lists.py").write_text("def (")
    assert code_digest("rules:rule") != before


RULE = "def rule(document):\n    return (False, 'odd') if document.id in {ids} else True\n"


def test_a_filter_that_was_changed_is_asked_again(
    raw: Any, cleaned: Any, plugins: Plugins, prose: Callable[..., str], tmp_path: Path
) -> None:
    made = raw([{"id": f"d{i}", "text": prose(i)} for i in range(20)])
    corpora = []
    for ids in (["d1"], ["d1", "d2", "d3"], ["d1"]):
        sys.modules.pop("house_rule", None)  # as in a fresh process
        (tmp_path / "house_rule.py").write_text(RULE.format(ids=ids))
        corpora.append(cleaned(made, filters=[{"kind": "house_rule:rule"}]))
    assert [corpus.facts["dropped"]["odd"] for corpus in corpora] == [1, 3, 1]
    assert corpora[0].identity == corpora[2].identity != corpora[1].identity
    assert corpora[0].digest == corpora[2].digest != corpora[1].digest


def test_a_source_that_was_changed_is_read_again(own_kinds: str, plugins: Plugins, tmp_path: Path) -> None:
    from corpora import collect

    assert isinstance(collect, Stage)
    spec = Collection.model_validate(
        {
            "domain": [{"kind": f"{own_kinds}:Numbers", "count": 3}],
            "general": [{"kind": f"{own_kinds}:Numbers", "count": 4}],
            "licences": {"allow": ["mit"]},
        },
        context={"plugins": plugins},
    )
    before = collect.request(spec, {}, Machine())
    with (tmp_path / f"{own_kinds}.py").open("a") as file:
        file.write("# changed\n")
    assert collect.request(spec, {}, Machine()) != before


@pytest.mark.parametrize(
    ("kind", "library"),
    [("files", "trafilatura"), ("files", "resiliparse"), ("files", "pypdf"), ("feed", "feedparser"), ("crawl", "lxml")],
)
def test_the_versions_of_what_reads_pages(kind: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "files": {"path": "*.html"},
        "feed": {"urls": ["https://a.example/"], "contact": "a@b.example"},
        "crawl": {"path": "a.warc.gz"},
    }
    source = {"kind": kind, **settings[kind]}
    spec = Collection.model_validate({"domain": [source], "general": [source], "licences": {"allow": ["mit"]}})
    before = spec.identity_key()
    assert before["sources"][0][3]["libraries"][library] == metadata.version(library)
    monkeypatch.setattr(metadata, "version", lambda name: "99.0")
    assert spec.identity_key() != before


def test_the_versions_of_what_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [Language().identity_key(), Privacy().identity_key()]
    assert before[0]["libraries"] == {"py3langid": metadata.version("py3langid")}
    assert before[1]["libraries"]["python-stdnum"] == metadata.version("python-stdnum")
    monkeypatch.setattr(metadata, "version", lambda name: "99.0")
    assert Language().identity_key() != before[0]
    assert Privacy().identity_key() != before[1]
    monkeypatch.undo()
    assert versions(["there-is-no-such-thing"]) == {"there-is-no-such-thing": None}

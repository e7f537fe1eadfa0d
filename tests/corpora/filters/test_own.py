from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from corpora import Curation, Document
from corpora.filters.filter import Change, Drop
from corpora.plugins import Plugins
from domain.text.words import Split

MODULE = """
from dataclasses import replace

def judge(document, *, most=3):
    if "?" in document.text:
        return 7
    if "!" in document.text:
        return replace(document, text=document.text.replace("!", "."))
    return (False, "too long") if len(document.text) > most else None

number = 3
"""


@pytest.fixture
def own(tmp_path: Path, plugins: Plugins) -> Any:
    (tmp_path / "house_rule.py").write_text(MODULE)

    def make(kind: str = "house_rule:judge", **keys: Any) -> Curation:
        return Curation.model_validate({"filters": [{"kind": kind, **keys}]}, context={"plugins": plugins})

    return make


def test_its_answers(own: Any) -> None:
    def say(text: str, **keys: Any) -> Any:
        return own(**keys).filters[0].judge([Document(id="d", source="s", text=text)], Split([text]))[0]

    assert say("abcd") == Drop("too long")
    assert say("abcd", most=4) is None
    assert say("abcd!") == Change("abcd.", "changed")
    with pytest.raises(TypeError, match=r"answered 7, not True, \(False, reason\) or a Document"):
        say("why?")


def test_its_arguments_are_asked_for(own: Any) -> None:
    (key,) = own(most=4).identity_key()["filters"]
    assert (key["kind"], key["most"]) == ("house_rule:judge", 4)
    assert own(most=4).identity_key() != own().identity_key()
    assert own(version="2").identity_key() != own().identity_key()


@pytest.mark.parametrize(
    ("kind", "keys", "told"),
    [
        ("house_rule:nothing", {}, "cannot be imported .*nothing"),
        ("house_files.no.such:judge", {}, "house_files cannot be imported"),
        ("house_rule:judge", {"least": 1}, "does not take these arguments .*least"),
        ("house_rule:number", {}, "does not take these arguments"),
    ],
)
def test_what_it_cannot_be(own: Any, kind: str, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        own(kind, **keys)

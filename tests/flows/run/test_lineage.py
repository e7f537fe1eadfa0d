from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.errors import UserError
from flows.recipe.recipe import Recipe, load_recipe
from flows.run.lineage import FILE, lineage, note, refuse_changed, with_earlier

DAYS = [date(2026, 1, day) for day in (2, 9, 16)]


@pytest.fixture
def recipe(make_recipe: Any) -> Recipe:
    return load_recipe(str(make_recipe()), ["corpus.earlier=last"])


def made(work: Path, recipe: Recipe, day: date, name: str) -> None:
    """Note a corpus as a run does."""
    corpus: Any = SimpleNamespace(path=work / "artifacts" / "curate" / name)
    earlier = with_earlier(recipe, day, work).corpus.earlier
    note(work, recipe.model_dump(mode="json"), day.isoformat(), corpus, earlier)


def last(work: Path, recipe: Recipe, day: date) -> str | None:
    folder = with_earlier(recipe, day, work).corpus.earlier
    return None if folder is None else Path(folder).relative_to(work / "artifacts" / "curate").as_posix()


def test_last_is_the_last_corpus_of_an_earlier_day_and_stays_it_when_the_day_is_run_again(
    recipe: Recipe, tmp_path: Path
) -> None:
    assert last(tmp_path, recipe, DAYS[0]) is None
    made(tmp_path, recipe, DAYS[0], "a")
    assert [last(tmp_path, recipe, day) for day in DAYS] == [None, "a", "a"]
    made(tmp_path, recipe, DAYS[1], "b")
    made(tmp_path, recipe, DAYS[1], "c")  # the same day with other settings
    assert [last(tmp_path, recipe, day) for day in DAYS] == [None, "a", "c"]
    made(tmp_path, recipe, DAYS[0], "d")  # the first day anew
    assert [last(tmp_path, recipe, day) for day in DAYS] == [None, "a", "d"]


def test_each_recipe_has_a_line_of_its_own_and_a_run_is_noted_once(recipe: Recipe, tmp_path: Path) -> None:
    made(tmp_path, recipe.replace(name="other"), DAYS[0], "a")
    assert last(tmp_path, recipe, DAYS[1]) is None
    for _ in range(3):
        made(tmp_path, recipe, DAYS[0], "b")
    assert [row["corpus"] for row in lineage(tmp_path, recipe.name)] == ["artifacts/curate/b"]
    assert last(tmp_path, recipe.replace(name="other"), DAYS[1]) == "a"


def test_a_folder_or_none_is_left_as_it_is(make_recipe: Any, tmp_path: Path) -> None:
    path = make_recipe()
    assert with_earlier(load_recipe(str(path)), DAYS[0], tmp_path).corpus.earlier is None
    named = load_recipe(str(path), ["corpus.earlier=there"])
    assert with_earlier(named, DAYS[0], tmp_path).corpus.earlier == str(path.parent / "there")


@pytest.mark.parametrize(
    ("setting", "change"),
    [
        ("corpus.holdout.test=0.3", "asks for test 0.3 (before: "),
        ("corpus.holdout.test=0", "asks for test 0 (before: "),
        ("corpus.holdout.validation=0.001", "asks for validation 0.001 (before: "),
    ],
)
def test_a_changed_hold_out_is_refused_unless_it_is_named(
    make_recipe: Any, tmp_path: Path, setting: str, change: str
) -> None:
    path = make_recipe()
    before, after = load_recipe(str(path)), load_recipe(str(path), [setting])
    refuse_changed(after, tmp_path)
    made(tmp_path, before, DAYS[0], "a")
    refuse_changed(before, tmp_path)
    refuse_changed(after.replace(name="other"), tmp_path)
    refuse_changed(load_recipe(str(path), ["corpus.holdout.later=0.2"]), tmp_path)
    with pytest.raises(UserError, match=r"corpus.holdout: .* Fix: restore it, or set changed: true") as error:
        refuse_changed(after, tmp_path)
    assert change in str(error.value)
    assert "\n" not in str(error.value)
    named = load_recipe(str(path), [setting, "corpus.holdout.changed=true"])
    refuse_changed(named, tmp_path)
    made(tmp_path, named, DAYS[1], "b")
    refuse_changed(after, tmp_path)
    with pytest.raises(UserError, match="held out otherwise"):
        refuse_changed(before, tmp_path)


def test_a_line_that_a_crash_cut_off_never_was(recipe: Recipe, tmp_path: Path) -> None:
    made(tmp_path, recipe, DAYS[0], "a")
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"recipe": "cut')
    assert last(tmp_path, recipe, DAYS[1]) == "a"
    made(tmp_path, recipe, DAYS[1], "b")
    assert [row["corpus"] for row in lineage(tmp_path, recipe.name)] == ["artifacts/curate/a", "artifacts/curate/b"]


@pytest.mark.parametrize("content", ["[]\n", "{\n", '{"recipe": "x"}\n', "\xff\n", "7\n"])
def test_a_file_that_cannot_be_read_is_told_in_one_line(recipe: Recipe, tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"corpora.jsonl: does not say any more .* Fix: remove the broken line"):
        lineage(tmp_path, recipe.name)

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.recipe.domains import DOMAINS
from flows.recipe.purposes import PURPOSES
from flows.recipe.recipe import load_recipe


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_starter_validates_and_plans_once_its_paths_are_there(
    command: Any, tmp_path: Path, texts: Path, pretrained: Path
) -> None:
    assert command.ask("new", "contracts").code == 0
    amiss = command.ask("check", "contracts.yaml")
    assert amiss.code == 1
    assert amiss.out.count("FAIL") == 3  # domain text, general text, base
    for part, target in (("domain", "contracts"), ("general", "general")):
        (tmp_path / "data" / target).mkdir(parents=True)
        plain = (texts / f"{part}.jsonl").read_text().replace('"licence"', '"stated"')  # the recipe states its own
        (tmp_path / "data" / target / f"{part}.jsonl").write_text(plain)
    shutil.copytree(pretrained, tmp_path / "models" / "general-base")
    recipe = load_recipe("contracts.yaml")
    assert recipe.base.weights == str(tmp_path / "models" / "general-base")
    answer = command.ask("check", "contracts.yaml")
    assert "FAIL" not in answer.out
    assert "domain text: contracts, 1 files" in answer.out
    assert command.ask("plan", "contracts.yaml", *command.machine).code == 0


def test_every_section_of_the_starter_is_a_recipe_s(command: Any) -> None:
    command.ask("new", "contracts")
    recipe = load_recipe("contracts.yaml", ["base={scratch: {width: 32}, tokens: 1M}", "tokenizer.mode=train"])
    assert recipe.name == "contracts"
    text = Path("contracts.yaml").read_text()
    assert text.count("#") > 8


OBJECTIVES = {
    "classify": ("bert", "masked"), "tag": ("bert", "masked"), "generate": ("llama", "causal"),
    "summarise": ("bart", "denoising"), "translate": ("t5", "span"), "answer": ("t5", "span"),
}  # fmt: skip


def test_every_purpose_has_a_test() -> None:
    assert OBJECTIVES.keys() == PURPOSES.keys()


@pytest.mark.parametrize("work", sorted(OBJECTIVES))
def test_the_starter_of_each_purpose(command: Any, work: str) -> None:
    """Its objective fits the family that the purpose needs, and all but encoders may be instruction-tuned."""
    architecture, objective = OBJECTIVES[work]
    assert command.ask("new", "contracts", "--for", work).code == 0
    path = Path("contracts.yaml")
    text = path.read_text()
    assert ("# instruction_tuning: " in text) is (work not in ("classify", "tag"))
    if "# instruction_tuning: " in text:
        (order,) = (line[4:] for line in text.splitlines() if line.startswith('#   {"instruction"'))
        Path("data/contracts").mkdir(parents=True)
        Path("data/contracts/orders.jsonl").write_text(order + "\n")
        path.write_text(text.replace("# instruction_tuning: ", "instruction_tuning: "))
    shape = f"{{scratch: {{architecture: {architecture}, width: 32}}, tokens: 1M}}"
    recipe = load_recipe("contracts.yaml", [f"base={shape}", "tokenizer.mode=train"])
    assert recipe.training.objective.kind == objective
    if work not in ("classify", "tag"):
        assert recipe.instruction_tuning is not None
        assert recipe.instruction_tuning.check() == 1


@pytest.mark.parametrize("field", sorted(DOMAINS))
def test_the_starter_of_each_field(command: Any, tmp_path: Path, pretrained: Path, field: str) -> None:
    """It validates as it is, and once its paths are there nothing is amiss."""
    assert command.ask("new", "notes", "--domain", field).code == 0
    amiss = command.ask("check", "notes.yaml").out
    recipe = load_recipe("notes.yaml")
    assert amiss.count("FAIL") == len(list(recipe.corpus.sources())) + 1  # each source, and the base
    assert "Fix: " in amiss
    for _, source in recipe.corpus.sources():
        path = Path(str(getattr(source, "path")).replace("*.jsonl", "a.jsonl").replace("*", "a.jsonl"))  # noqa: B009
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"text": "The patient was seen on Monday.", "date": "2024-05-06"}\n')
    shutil.copytree(pretrained, tmp_path / "models" / "general-base")
    answer = command.ask("check", "notes.yaml")
    assert "FAIL" not in answer.out
    assert load_recipe("notes.yaml").corpus.max_filtered == 0.5


def test_fields_have_filters_that_suit_them(command: Any) -> None:
    for field in DOMAINS:
        command.ask("new", field, "--domain", field)
    medicine, law = (load_recipe(f"{field}.yaml").corpus.curation() for field in ("medicine", "law"))
    assert medicine.keep_near == ("letters",)
    assert not any(each.kind == "harm" for each in medicine.every_filter())
    assert [each.kind for each in medicine.source_filters["letters"]] == ["language", "quality", "privacy"]
    assert [step.kind for step in law.dedup] == ["exact", "near", "passages"]
    assert set(law.source_filters) == {"contracts", "judgments"}
    refused = command.ask("new", "x", "--domain", "astrology")
    assert refused.code == 2


@pytest.mark.parametrize("name", ["My Recipe", "../x", "", "-x"])
def test_names_that_are_none(command: Any, name: str) -> None:
    command.refused(command.ask("new", "--", name), "not a valid recipe name")


def test_an_existing_file_is_left_alone(command: Any) -> None:
    Path("contracts.yaml").write_text("mine")
    command.refused(command.ask("new", "contracts"), "exists already")
    assert Path("contracts.yaml").read_text() == "mine"

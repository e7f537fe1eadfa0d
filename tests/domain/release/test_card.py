from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from domain.release.card import mixed
from domain.release.decision import DecisionRecord, GateResult
from domain.release.front_matter import front_matter
from domain.release.scores import OverlapReport, PartScore
from tests.html_reader import HOSTILE

NO_OVERLAP = OverlapReport(words=13, sources={}, new_text=[])
SCORES = {
    part: PartScore(bits={"adapted": adapted}, changes={}, units=60, documents=70, bytes=90_000, overlap=NO_OVERLAP)
    for part, adapted in (("domain", 2.0125), ("general", 2.1))
}


@pytest.fixture(scope="module")
def card(released: Any) -> str:
    return str((released[0].path / "README.md").read_text(encoding="utf-8"))


def test_the_hub_reads_its_front_matter(released: Any) -> None:
    read = ModelCard.load(released[0].path / "README.md").data
    assert read.license == "apache-2.0"
    assert read.library_name == "transformers"
    assert read.pipeline_tag == "text-generation"
    assert read.base_model is None
    assert read.language == ["en", "de"]  # French is below 1%
    results = [(r.dataset_name, r.task_type, r.metric_type, r.metric_value) for r in read.eval_results]
    assert results == [
        ("held-out domain text", "text-generation", "bits_per_byte", 2.0125),
        ("held-out general text", "text-generation", "bits_per_byte", 2.1),
    ]
    assert read.model_name == "filings"


def test_given_weights_from_the_hub_are_the_base_model() -> None:
    read = ModelCard(front_matter("n", "mit", SCORES, {"weights": "org/model@abc"}) + "\n# n\n").data
    assert read.base_model == "org/model"
    local = ModelCard(front_matter("n", "mit", SCORES, {"weights": "0123abcd"}) + "\n# n\n").data
    assert local.base_model is None


def test_a_licence_that_the_hub_does_not_know_is_named_as_another() -> None:
    read = ModelCard(front_matter("n", "internal", SCORES, {}) + "\n# n\n").data
    assert (read.license, read.license_name) == ("other", "internal")


def test_it_says_what_a_reader_must_know(card: str) -> None:
    chapters = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert chapters == [
        "Best use cases", "How to load it", "How it was trained", "Tokenizer", "Data", "Scores",
        "Known limitations", "Lineage",
    ]  # fmt: skip
    assert "Base: llama (layers 1, width 32), first trained from scratch on 2,560 tokens of general text" in card
    assert "2,560 tokens, 70% domain, 30% general text; passes" in card
    phases = [{"until": 0.5, "domain": 0.3, "general": 0.7}, {"until": 1.0, "domain": 1.0, "general": 0.0}]
    both = "30% domain, 70% general until 50%; 100% domain until 100%"
    assert mixed({"phases": phases}) == both
    assert "filings, web" in card
    assert (  # 464 of 8,000
        "- Of the word 13-grams of the domain test documents 5.8% stand in training text too. On the 58 of 70 without "
        "any: -12.5% [-13.1%, -11.8%] against the control."
    ) in card


def test_the_funnel_adds_up(card: str) -> None:
    data = card.split("## Data\n")[1].split("| source |")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in data.splitlines() if line.startswith("|")]
    counts = {name: int(count.replace(",", "")) for name, count in rows if count.replace(",", "").isdecimal()}
    dropped = sum(count for name, count in counts.items() if name.startswith("dropped"))
    assert counts["collected"] - dropped == counts["kept"] == 900
    splits = ("train", "held out")
    assert sum(count for name, count in counts.items() if name.startswith(splits)) == counts["kept"]


def test_the_scores_stand_with_their_intervals(card: str) -> None:
    row = next(line for line in card.splitlines() if line.startswith("| domain |"))
    assert row == "| domain | 2.531 | 2.411 | 2.013 | -16.5% [-17.1%, -15.9%] | -20.5% [-21.0%, -20.0%] |"
    assert "- It is better." in card


def test_it_begins_with_what_was_gained(card: str) -> None:
    words = "text of the domain: -16.5% [-17.1%, -15.9%] against a control trained on general text only.\n\n## Best"
    assert words in card


def test_words_of_the_recipe_come_first(released: Any, card: str) -> None:
    from domain.release.card import card as written

    made = released[1]
    shared = {"name": "n", "licence": "mit", "decision": DecisionRecord.read(made["decision"].path)}
    words = {"intended_use": " Reading ledgers. ", "limitations": "Small."}
    artifacts = {key: made[key] for key in ("base", "adapted", "corpus", "tokenizer", "datasheet")}
    text = written(**shared, **words, **artifacts)
    assert "## Best use cases\n\nReading ledgers.\n" in text
    assert "## Known limitations\n\nSmall.\n\n- It predicts text." in text
    assert "Completing and scoring text" not in text


def test_every_cell_of_its_tables_is_filled(card: str) -> None:
    for line in card.splitlines():
        if line.startswith("| ") and "this tokenizer" not in line:  # general text may be missing there
            assert "" not in [cell.strip() for cell in line.strip("|").split("|")], line


def test_it_states_languages_and_licences_of_the_text(card: str) -> None:
    assert "Languages of the text: en 90.0%, de 9.5%, fr 0.50%. Licences: mit 60.0%, reuters-21578 40.0%." in card


def test_gates_that_were_not_tested_are_named_at_the_top(released: Any) -> None:
    from domain.release.card import card as written

    made = {key: value for key, value in released[1].items() if key != "decision"}
    record = DecisionRecord.read(released[1]["decision"].path)
    gates = {"general_loss": GateResult(holds=None, reason="too few")}
    text = written(
        name="n", licence="mit", intended_use="", limitations="", decision=replace(record, gates=gates), **made
    )
    assert "**Not tested: general_loss.**\n\n## Best use cases" in text


def test_hostile_names_stay_names(released: Any) -> None:
    from domain.release.card import card as written

    made = {key: value for key, value in released[1].items() if key != "decision"}
    facts = {**made["corpus"].facts, "sources": {HOSTILE: {"in": 2, "out": 1}}, "dropped": {HOSTILE: 1}}
    made["corpus"] = replace(made["corpus"], manifest={**made["corpus"].manifest, "facts": facts})
    sheet = {"languages": {HOSTILE: 9}, "licences": {HOSTILE: 9}}
    made["datasheet"] = replace(made["datasheet"], manifest={**made["datasheet"].manifest, "facts": sheet})
    record = DecisionRecord.read(released[1]["decision"].path)
    text = written(name=HOSTILE, licence=HOSTILE, intended_use="", limitations="", decision=record, **made)
    front, body = text.split("---\n")[1:3]
    assert yaml.safe_load(front)["license_name"] == HOSTILE
    assert "language" not in yaml.safe_load(front)
    assert "<script" not in body
    assert not set(body) & {"\u202e", "\u202c", "\u200b", "\x00"}
    hostile = [line for line in body.splitlines() if "alert" in line]
    columns = [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in hostile if line.startswith("| ")]
    assert sorted(columns) == [2, 3]  # the reason of removal, and the source
    assert not [line for line in hostile if re.search(r"(?<!\\)[`\]]", line)]

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from domain.artifacts import Scorecard
from domain.errors import UserError
from domain.machine import Machine
from domain.release.scores import OverlapReport
from evals.evaluate import Evaluation, evaluate, scored_part
from evals.gate import Gates, decide
from evals.scorecard import ScorecardContent

CPU = Machine(device="cpu", precision="fp32", threads=1)
SPEC = Evaluation(bytes=100_000, resamples=1_000)


@pytest.fixture(scope="module")
def card(arms: Any, scored_corpus: Any, scored_tokens: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("scorecard")
    return evaluate(SPEC, **arms, corpus=scored_corpus, tokenizer=scored_tokens[0], out=out, machine=CPU)


@pytest.fixture(scope="module")
def rows(card: Scorecard) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (card.path / "documents.jsonl").read_text().splitlines()]


def test_the_adapted_model_is_better_at_its_domain(card: Scorecard) -> None:
    domain = card.facts["domain"]
    assert domain["adapted"] < domain["control"] - 0.2
    assert domain["change_from_control"] == pytest.approx(domain["adapted"] / domain["control"] - 1, abs=1e-4)
    assert domain["change"] == pytest.approx(domain["adapted"] / domain["base"] - 1, abs=1e-4)
    low, high = domain["interval_from_control"]
    assert low < domain["change_from_control"] < high < 0
    assert (domain["units"], domain["documents"]) == (40, 80)


def test_each_document_costs_what_transformers_says(card: Scorecard, rows: Any, arms: Any, scored_corpus: Any) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    texts = {d["id"]: d["text"] for d in scored_corpus.documents("test", "general")}
    folder = arms["control"].path
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    checked = 0
    for row in rows:
        if row["id"] in texts:
            ids = [tokenizer.bos_token_id, *tokenizer(texts[row["id"]])["input_ids"]]
            if len(ids) <= 64:  # in one window
                with torch.no_grad():
                    mean = model(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss
                assert row["nats"]["control"] == pytest.approx(float(mean) * (len(ids) - 1), rel=1e-4)
                checked += 1
    assert checked >= 10


def test_the_scores_follow_from_the_documents(card: Scorecard, rows: Any) -> None:
    scores = json.loads((card.path / "scores.json").read_text())
    for part in ("domain", "general"):
        of = [row for row in rows if row["part"] == part]
        for arm in ("base", "adapted", "control"):
            bits = sum(row["nats"][arm] for row in of) / math.log(2) / sum(row["bytes"] for row in of)
            assert scores[part][arm] == card.facts[part][arm] == pytest.approx(bits, rel=1e-5)
    assert list(scores["domain"]["sources"]) == ["domain-0", "domain-1"]
    assert list(scores["domain"]["years"]) == ["2010", "2011", "2012"]
    assert scores["general"]["years"] == {}
    assert sum(year["documents"] for year in scores["domain"]["years"].values()) == 80
    assert "years" not in card.facts["domain"]


def test_the_same_is_the_same_again(
    card: Scorecard, arms: Any, scored_corpus: Any, scored_tokens: Any, tmp_path: Path
) -> None:
    again = evaluate(SPEC, **arms, corpus=scored_corpus, tokenizer=scored_tokens[0], out=tmp_path, machine=CPU)
    assert again.digest == card.digest


def test_a_further_baseline_is_scored_and_changes_nothing_of_the_three(
    card: Scorecard, arms: Any, scored_corpus: Any, scored_tokens: Any, tmp_path: Path
) -> None:
    fixed = {"corpus": scored_corpus, "tokenizer": scored_tokens[0], "machine": CPU}
    four = evaluate(SPEC, **arms, prompts=arms["control"], **fixed, out=tmp_path / "four")
    assert four.identity != card.identity
    for part in ("domain", "general"):
        scores = copy.deepcopy(four.facts[part])
        for each in (scores, *(new["score"] for new in scores["overlap"]["new_text"])):
            assert each.pop("prompts") == each["control"]
        assert scores == card.facts[part]
    assert [*ScorecardContent.read(four.path).parts["domain"].sources["domain-0"].bits] == [
        "base", "control", "adapted", "prompts",
    ]  # fmt: skip
    decisions = [decide(Gates(), scorecard=each, out=tmp_path / each.identity[:8]) for each in (card, four)]
    assert decisions[0].facts == decisions[1].facts
    for name in ("units", "sources", "interval_from_control"):
        with pytest.raises(UserError, match=f"baseline {name}: has the name of a field"):
            evaluate(SPEC, **arms, **{name: arms["control"]}, **fixed, out=tmp_path / name)


def test_the_three_models_must_be_there(arms: Any, scored_corpus: Any, scored_tokens: Any, tmp_path: Path) -> None:
    two = {name: arms[name] for name in ("base", "adapted")}
    with pytest.raises(ValueError, match="evaluate needs the models control"):
        evaluate(SPEC, **two, corpus=scored_corpus, tokenizer=scored_tokens[0], out=tmp_path, machine=CPU)


def test_the_way_to_a_decision(card: Scorecard, tmp_path: Path) -> None:
    assert decide(Gates(general_loss=1.0), scorecard=card, out=tmp_path / "a").facts["released"]
    assert not decide(Gates(general_loss=1.0, domain_gain=0.9), scorecard=card, out=tmp_path / "b").facts["released"]


def test_every_number_of_the_spec_is_asked_for() -> None:
    asked = [SPEC.replace(**change).identity_key() for change in ({}, {"bytes": 5}, {"resamples": 5}, {"seed": 5})]
    assert len({json.dumps(one) for one in asked}) == 4


def test_a_model_that_has_diverged(arms: Any, scored_corpus: Any, scored_tokens: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from domain.artifacts import Checkpoint
    from domain.manifest import seal

    broken = tmp_path / "broken"
    broken.mkdir()
    for path in arms["base"].path.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if "norm" in name)
    save_file({**weights, name: weights[name] * float("nan")}, broken / "model.safetensors", {"format": "pt"})
    manifest = {key: arms["base"].manifest[key] for key in ("identity", "stage", "version", "kind", "spec", "parents")}
    seal(broken, facts={}, **manifest)
    bad = Checkpoint.open(broken)
    with pytest.raises(UserError, match="score adapted: 160 of 160 held-out texts have no finite likelihood"):
        evaluate(
            SPEC, **{**arms, "adapted": bad}, corpus=scored_corpus, tokenizer=scored_tokens[0], out=tmp_path / "out",
            machine=CPU,
        )  # fmt: skip


def test_what_was_trained_on_is_told_by_source_and_left_out_of_the_scores(card: Scorecard, rows: Any) -> None:
    """Document n has n % 4 of its 20 n-grams in training text, and is of source n % 2."""
    report = json.loads((card.path / "scores.json").read_text())["domain"]["overlap"]
    assert card.facts["domain"]["overlap"] == report
    assert report["words"] == 13
    assert report["sources"] == {
        "domain-0": {"documents": 40, "ngrams": 800, "in_training": 40, "share": 0.05},  # 20 of 0, 20 of 2
        "domain-1": {"documents": 40, "ngrams": 800, "in_training": 80, "share": 0.1},  # 20 of 1, 20 of 3
    }
    assert report["total"] == {"documents": 80, "ngrams": 1600, "in_training": 120, "share": 0.075}
    assert [(each["max_share"], each["score"]["documents"]) for each in report["new_text"]] == [(0.1, 60), (0.0, 20)]
    for each in report["new_text"]:
        new = [row for row in rows if row["part"] == "domain" and row["in_training"] <= 20 * each["max_share"]]
        score = each["score"]
        nats = {model: sum(row["nats"][model] for row in new) for model in ("base", "control", "adapted")}
        assert score["bytes"] == sum(row["bytes"] for row in new)
        for model, sum_of in nats.items():
            assert score[model] == pytest.approx(sum_of / math.log(2) / score["bytes"], rel=1e-5)
        assert score["change"] == pytest.approx(nats["adapted"] / nats["base"] - 1, abs=1e-5)
        assert score["change_from_control"] == pytest.approx(nats["adapted"] / nats["control"] - 1, abs=1e-5)
        low, high = score["interval_from_control"]
        assert low < score["change_from_control"] < high < 0


def row(nats: float, ngrams: int, in_training: int) -> dict[str, Any]:
    """A document of 10 bytes that costs the adapted model half of what it costs the others."""
    by_model = {"base": nats, "control": nats, "adapted": nats / 2}
    counts = {"bytes": 10, "ngrams": ngrams, "in_training": in_training}
    return {"source": "a", "cluster": str(nats), "year": None, **counts, "nats": by_model}


@pytest.mark.parametrize(
    ("of_documents", "documents"),
    [
        ([(10, 1), (10, 2), (10, 0)], [2, 1]),  # a tenth is at most a tenth
        ([(10, 10), (11, 2)], [0, 0]),
        ([(0, 0), (5, 0)], [2, 2]),  # shorter than an n-gram: nothing of it is told
    ],
)
def test_which_documents_are_new(of_documents: list[tuple[int, int]], documents: list[int]) -> None:
    made = [row(float(1 + number), *counts) for number, counts in enumerate(of_documents)]
    report = scored_part(made, ["base", "control", "adapted"], 13, SPEC).overlap
    assert [each.score.documents if each.score else 0 for each in report.new_text] == documents
    assert report.total.in_training == sum(shared for _, shared in of_documents)
    assert OverlapReport.from_dict(report.to_dict()) == report
    for each in report.new_text:
        if each.score:
            assert each.score.changes["control"].value == pytest.approx(-0.5)

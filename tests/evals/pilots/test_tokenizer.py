from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domain.artifacts import Verdict
from domain.cost.flops import flops_per_token
from domain.cost.shape import shape_of
from domain.machine import Machine
from domain.model.spec import Base
from domain.release.scores import RelativeChange
from domain.release.verdict import ExtensionVerdict, PilotScore
from evals.pilots.tokenizer import Weighing, advice, tokenizer_verdict, weigh

CPU = Machine(device="cpu", precision="fp32", threads=1)
GOOD = PilotScore(
    bits={},
    changes={
        "same_bytes": RelativeChange(value=-0.01, low=-0.02, high=0.005),
        "same_flops": RelativeChange(value=-0.02, low=-0.03, high=-0.01),
    },
    units=40,
    bytes=1,
)
WORSE = RelativeChange(value=-0.005, low=-0.01, high=0.0051)


def counted(domain: int, general: int) -> Any:
    return SimpleNamespace(facts={"train": {"domain": {"tokens": domain}, "general": {"tokens": general}}})


def arm(trained: Any, tokens: int) -> Any:
    """A checkpoint that says it has read so many tokens."""
    spec = {**trained.manifest["spec"], "context": 64}
    return SimpleNamespace(path=trained.path, facts={**trained.facts, "tokens": tokens}, manifest={"spec": spec})


def test_extend_only_where_it_is_no_worse_in_all() -> None:
    assert advice({"domain": GOOD, "general": GOOD}, 0.005)[0] == "extend"
    for part in ("domain", "general"):
        for budget in ("same_bytes", "same_flops"):
            spoilt = GOOD.replace(changes={**GOOD.changes, budget: WORSE})
            worse = {"domain": GOOD, "general": GOOD, part: spoilt}
            assert advice(worse, 0.005)[0] == "keep"
    chosen, reasons = advice({"domain": GOOD.replace(units=29), "general": GOOD}, 0.005)
    assert chosen == "keep"
    assert "too few units to judge" in reasons[0]
    assert "[-2.00%, +0.50%]" in reasons[0]


def test_the_price_by_hand(arms: Any) -> None:
    kept, other = arm(arms["control"], 1_000), arm(arms["adapted"], 900)
    each = flops_per_token(shape_of(Base(weights=str(kept.path)), None), 64)
    pilots, scores = {"kept": kept, "same_bytes": other, "same_flops": other}, {"domain": GOOD, "general": GOOD}
    verdict = weigh(pilots, counted(1_000, 500), counted(800, 500), scores, 0.005)
    assert verdict.tokens["domain"].model_dump() == {"kept": 1_000, "extended": 800, "saved": 0.2}
    assert verdict.tokens["general"].saved == 0
    # The same model: a token costs as much, so a domain text costs a fifth less.
    assert verdict.flops_per_token.model_dump() == {"kept": each, "extended": each}
    assert verdict.flops_per_domain_text == pytest.approx(-0.2)
    assert verdict.pilot.flops == 2_800 * each
    # 2,800 / 0.2, and a forward pass is a third
    assert verdict.break_even.model_dump() == {"trained": 14_000, "served": 42_000}
    longer = weigh(pilots, counted(1_000, 500), counted(1_000, 500), scores, 0.005)
    assert longer.break_even.model_dump() == {"trained": None, "served": None}


def test_a_pilot_is_judged_on_validation_text(
    arms: Any, scored_corpus: Any, scored_tokens: Any, tmp_path: Path
) -> None:
    tokens = scored_tokens[1]
    spec = Weighing(bytes=60_000, resamples=500)
    verdict = tokenizer_verdict(
        spec, kept=arms["control"], same_bytes=arms["adapted"], same_flops=arms["adapted"], old=tokens, new=tokens,
        corpus=scored_corpus, out=tmp_path, machine=CPU,
    )  # fmt: skip
    assert isinstance(verdict, Verdict)
    assert json.loads((tmp_path / "verdict.json").read_text()) == verdict.facts
    domain = ExtensionVerdict.model_validate(verdict.facts).scores["domain"]
    bits = domain.bits
    assert bits["same_bytes"] == bits["same_flops"] < bits["kept"]
    assert domain.changes["same_bytes"].value == pytest.approx(bits["same_bytes"] / bits["kept"] - 1, abs=1e-4)
    size = sum(len(document["text"].encode()) for document in scored_corpus.documents("validation", "domain"))
    assert 0 < domain.bytes <= size

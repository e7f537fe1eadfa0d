"""The choice of synthetic pilots by hand: the gate binds, the grid ends, nothing holds."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evals.pilots.choice import Choosing, choice, choose, doubts

BASE = {"domain": 1.2, "general": 1.0}


def arm(share: float, rate: float, domain: float, general: float, *, wide: float = 0.001) -> dict[str, Any]:
    """An arm that is expected to come to these bits per byte."""
    change = [round(general - 1.0 + off, 6) for off in (0.0, -wide, wide)]
    bits = {"domain": [domain, domain - wide, domain + wide], "general": [general, general - wide, general + wide]}
    shares = {"domain": share, "general": round(1 - share, 6), "learning_rate": rate}
    return {**shares, "bits": bits, "general_change": change, "holds": change[0] <= 0.01}


def points(arms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "tokens": tokens} for each in arms for tokens in (1_000, 2_000, 4_000)]


GRID = [
    arm(0.5, 1e-3, 1.00, 1.001), arm(0.7, 1e-3, 0.95, 1.004), arm(0.9, 1e-3, 0.90, 1.012),
    arm(0.5, 3e-3, 0.97, 1.002), arm(0.7, 3e-3, 0.92, 1.009), arm(0.9, 3e-3, 0.88, 1.030),
    arm(0.5, 9e-3, 0.99, 1.015), arm(0.7, 9e-3, 0.94, 1.020), arm(0.9, 9e-3, 0.91, 1.050),
]  # fmt: skip
SPEC = Choosing(tokens=60_000, general_loss=0.01)


def test_the_gate_binds() -> None:
    best, (reason,) = choice(GRID, BASE, 0.01)
    assert (best["domain"], best["learning_rate"]) == (0.7, 3e-3)  # 0.88, 0.90 and 0.91 cost too much general text
    assert reason.startswith("Of 9 arms, 4 are predicted to keep general text within +1% of the base's 1.0000 ")
    assert "0.9200 [0.9190, 0.9210] (base: 1.2000)" in reason
    assert doubts(best, GRID, points(GRID), SPEC) == []
    loose = [{**each, "holds": True} for each in GRID]
    assert choice(loose, BASE, 0.05)[0] is loose[5]


def test_where_none_holds_the_least_loss_is_chosen() -> None:
    strict = [{**each, "holds": False} for each in GRID]
    best, (reason,) = choice(strict, BASE, 0.0005)
    assert best is strict[0]
    assert reason.startswith("No arm is predicted to keep general text within +0.05%")
    assert "+0.10%" in reason


def test_the_edge_of_the_grid_is_named() -> None:
    low = [each for each in GRID if each["learning_rate"] >= 3e-3]
    best, _ = choice(low, BASE, 0.01)
    (doubt,) = doubts(best, low, points(low), SPEC)
    assert doubt == "The best arm is at the edge of the grid: the lowest learning rate. Widen the grid below it."
    one_rate = [each for each in GRID if each["learning_rate"] == 3e-3]  # of one value there is no edge
    assert doubts(one_rate[1], one_rate, points(one_rate), SPEC) == []
    assert (
        "highest share of domain text. Widen the grid above" in doubts(one_rate[2], one_rate, points(one_rate), SPEC)[0]
    )


def test_what_is_not_sure_is_said() -> None:
    wide = [arm(0.5, 1e-3, 1.00, 1.001, wide=0.2), arm(0.7, 1e-3, 0.95, 1.004), arm(0.9, 1e-3, 0.90, 1.03)]
    (doubt,) = doubts(wide[1], wide, points(wide), SPEC)
    assert doubt == "On domain text it is not distinguishable from 1 of 1 other arms."
    unsure = [GRID[0], arm(0.7, 1e-3, 0.9, 1.004, wide=0.02), GRID[2]]
    assert "its interval ends at +2.40%" in doubts(unsure[1], unsure, points(unsure), SPEC)[0]
    few = [GRID[0], GRID[1]]
    assert any(line.startswith("Few points: 2 shares") for line in doubts(few[1], few, points(few), SPEC))
    far = doubts(GRID[4], GRID, points(GRID), Choosing(tokens=400_000, general_loss=0.01))
    (doubt,) = far
    assert doubt.startswith("The training is 100 times the longest pilot; predictions are validated up to 16 times")


def pilot(share: float, rate: float, tokens: int, domain: float, general: float) -> Any:
    spec = {"mixture": {"domain": share, "general": round(1 - share, 9)}, "learning_rate": rate}
    facts = {"tokens": tokens, "first_domain": 1.2, "first_general": 1.0}
    facts |= {"validation_domain": domain, "validation_general": general}
    return SimpleNamespace(manifest={"spec": spec}, facts=facts, identity=f"{share} {rate} {tokens}", digest="")


def test_from_pilots_to_a_choice(tmp_path: Path) -> None:
    # Domain text falls with tokens and share; general text rises with share and rate. Only 90% at the high rate is
    # more than 2% above the base's at 160,000 tokens.
    def bits(share: float, rate: float, tokens: int) -> tuple[float, float]:
        domain = 0.7 + (0.3 if rate == 1e-3 else 0.25) / (tokens / 1e4) ** 0.3 + 0.05 / (share + 0.1)
        return domain, 0.98 + 0.03 * share * (1.0 if rate == 1e-3 else 1.8)

    pilots = [
        pilot(share, rate, tokens, *bits(share, rate, tokens))
        for rate in (1e-3, 3e-3) for share in (0.5, 0.7, 0.9) for tokens in (10_000, 20_000, 40_000)
    ]  # fmt: skip
    spec = Choosing(tokens=160_000, general_loss=0.02)
    facts = choose(spec, **{f"pilot_{n}": one for n, one in enumerate(pilots)}, out=tmp_path).facts
    assert facts["chosen"] == {"domain": 0.7, "general": 0.3, "learning_rate": 3e-3}
    content = json.loads((tmp_path / "choice.json").read_text())
    curve = content.pop("curve")
    assert facts == content
    assert curve["tokens"][-1] == pytest.approx(160_000)
    (chosen,) = [arm for arm in facts["arms"] if (arm["domain"], arm["learning_rate"]) == (0.7, 3e-3)]
    assert {part: bounds[-1] for part, bounds in curve["bits"].items()} == chosen["bits"]
    for each in facts["arms"]:
        for part, truth in zip(
            ("domain", "general"), bits(each["domain"], each["learning_rate"], 160_000), strict=True
        ):
            middle, low, high = each["bits"][part]
            assert low < middle < high
            assert middle == pytest.approx(truth, rel=0.01)
    assert [each["holds"] for each in facts["arms"]] == [True, True, True, True, True, False]

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
import yaml

from domain.machine import Machine
from domain.page.page import PageHeader
from domain.settings.learning import Training
from domain.spec import Spec
from domain.stage import Stage, Store
from domain.tokens.mixture import Mixture
from evals.page.scorecard import page
from evals.scorecard import ScorecardContent
from flows.adapt import adapt
from flows.pilots.extension import budgets, bytes_per_token
from flows.recipe.recipe import load_recipe


def counted(domain: tuple[int, int], general: tuple[int, int]) -> Any:
    parts = {"domain": domain, "general": general}
    return SimpleNamespace(facts={"train": {p: {"tokens": t, "bytes": b} for p, (t, b) in parts.items()}})


def test_the_same_bytes_and_the_same_flops(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = counted((250, 1_000), (200, 1_000)), counted((200, 1_000), (200, 1_000))
    training = Training(tokens=1_000_000, batch=1_000, context=100, mixture=Mixture(domain=0.5, general=0.5))
    assert bytes_per_token(old, training) == 4.5
    assert bytes_per_token(new, training) == 5.0
    monkeypatch.setattr("flows.pilots.extension.flops", lambda base, _: base)
    asked = budgets(training, 0.05, (old, 100.0), (new, 125.0))  # type: ignore[arg-type]
    assert {name: each.tokens for name, each in asked.items()} == {
        "kept": 50_000, "same_bytes": 45_000, "same_flops": 40_000
    }  # fmt: skip
    least = budgets(training, 1e-9, (old, 100.0), (new, 125.0))  # type: ignore[arg-type]
    assert {each.tokens for each in least.values()} == {1_000}  # a batch at least


@pytest.fixture(scope="module")
def extended(undisturbed: Path, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The small recipe once more, on from its own release, with an extended tokenizer: the artifacts by label."""
    folder = tmp_path_factory.mktemp("extended")
    (release,) = (undisturbed / "artifacts" / "release").iterdir()
    content = yaml.safe_load((undisturbed.parent / "contracts.yaml").read_text())
    content |= {
        "base": str(release),
        "tokenizer": {"mode": "extend", "add": 40, "pilot": {"share": 0.5, "bytes": 20_000, "resamples": 500}},
    }
    (folder / "contracts.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    machine = Machine(work=folder / "work", device="cpu", precision="fp32", threads=1, workers=1)
    store, made = Store(machine.work), dict[str, Any]()

    def runner(made_by: Stage[Any], spec: Spec, parents: Any = MappingProxyType({}), *, label: str = "") -> Any:
        request = made_by.request(spec, parents)
        built = made_by(spec, **parents, out=store.workplace(made_by, request), machine=machine)
        made[label or made_by.name] = store.keep(made_by, request, built)
        return made[label or made_by.name]

    from datetime import date

    adapt(load_recipe(str(folder / "contracts.yaml")), date(2026, 1, 2), runner)
    return made


def test_an_extension_is_weighed_against_the_base_s_own(extended: dict[str, Any]) -> None:
    verdict = extended["tokenizer_verdict"].facts
    old, new = (extended[label].facts["train"] for label in ("kept tokens", "encode"))
    for part in ("domain", "general"):
        fewer = 1 - new[part]["tokens"] / old[part]["tokens"]
        assert verdict["tokens"][part]["saved"] == pytest.approx(fewer, abs=1e-3)
    assert verdict["tokens"]["domain"]["saved"] > 0.05
    # 300 and 340 pieces in 320 and 384 rows of width 32, tied
    assert verdict["parameters"]["extended"] - verdict["parameters"]["kept"] == 64 * 32
    kept, pilots = extended["kept tokenizer"], [extended[f"pilot, {name}"] for name in ("kept", "same bytes")]
    assert extended["tokenizer"].facts["size"] == kept.facts["size"] + 40
    assert pilots[0].facts["tokens"] == 4_096  # half of what is asked for
    mixture = {"domain": 0.7, "general": 0.3}
    before, after = (
        sum(share * text[part]["bytes"] / text[part]["tokens"] for part, share in mixture.items())
        for text in (old, new)
    )
    assert pilots[1].facts["tokens"] == 4_096 * before / after // 512 * 512  # whole batches of the same bytes


def test_scorecard_and_card_state_the_verdict(extended: dict[str, Any]) -> None:
    told = json.loads((extended["evaluate"].path / "tokenizer.json").read_text())
    assert told["verdict"] == extended["tokenizer_verdict"].facts
    sentence = f"The pilots recommend: {told['verdict']['recommended']}."
    header = PageHeader(name="contracts", as_of="2026-01-02")
    assert sentence in page(ScorecardContent.read(extended["evaluate"].path), header)
    assert sentence in (extended["release"].path / "README.md").read_text()


def test_no_pilot_where_nothing_is_extended(undisturbed: Path) -> None:
    assert not (undisturbed / "artifacts" / "tokenizer_verdict").exists()

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.errors import UserError
from flows.recipe.recipe import apply, load_recipe

GOOD: dict[str, Any] = {
    "name": "contracts",
    "base": {"scratch": {"width": 32, "layers": 1, "heads": 2, "context": 64}, "tokens": "10k"},
    "corpus": {
        "domain": [{"kind": "files", "path": "domain.jsonl", "licence": "mit"}],
        "general": [{"kind": "files", "path": "general.jsonl", "licence": "mit"}],
        "licences": {"allow": ["mit"]},
    },
    "tokenizer": {"mode": "train", "vocab_size": 320},
    "training": {"tokens": "10k", "batch": 256},
    "release": {"licence": "mit"},
}


def write(folder: Path, **changes: Any) -> str:
    path = folder / "contracts.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}))
    return str(path)


def errors(path: str, *overrides: str) -> str:
    """The lines that a user sees."""
    with pytest.raises((UserError, ExceptionGroup)) as caught:
        load_recipe(path, overrides)
    group = caught.value
    return "\n".join(str(e) for e in group.exceptions) if isinstance(group, ExceptionGroup) else str(group)


def test_a_good_recipe(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path))
    assert recipe.training.tokens == 10_000
    assert recipe.base.scratch is not None
    assert recipe.release.gates.domain_gain == 0.02


def test_arms_differ_in_their_mixture_alone(tmp_path: Path) -> None:
    arms = load_recipe(write(tmp_path)).arms
    assert arms["control"].mixture.shares == {"general": 1.0}
    assert arms["control"].replace(mixture=arms["adapted"].mixture) == arms["adapted"]


@pytest.mark.parametrize(
    ("override", "place", "fix"),
    [
        ("training.learning_rat=1", "training.learning_rat", "did you mean learning_rate"),
        ("corpus.holdout.tset=0.1", "corpus.holdout.tset", "did you mean test"),
        ("training.tokens=lots", "training.tokens", "write a number such as"),
        ("training.batch=[1]", "training.batch", "write a whole number, such as 512"),
        ("training.mixture={domain: 0.5, general: 0.4}", "training.mixture", "add up to 1"),
        ("training.objective=guess", "training.objective", "causal"),
        ("corpus.domain.0.kind=flies", "corpus.domain.0", "files"),
        ("corpus.filters=[qualty]", "corpus.filters", "quality"),
        ("base={weights: no/where/at-all}", "base", "does not exist"),
        ("release.gates.domain_gain=2", "release.gates.domain_gain", "write 1 or less"),
        ("name=My Recipe", "name", "use lower case, digits and hyphens"),
        ("training.learning_rate=fast", "training.learning_rate", "write a number, such as 0.5"),
        ("training.mixture=[1]", "training.mixture", "write keys and values"),
        ("corpus.domain=[]", "corpus.domain", "add one, such as {kind: files"),
        ("tokenizer.mode=guess", "tokenizer.mode", "choose 'keep', 'extend' or 'train'"),
        ("corpus.domain={kind: files}", "corpus.domain", "write a list"),
        ("name=[1]", "name", "write text"),
        ("tokenizer.mode=keep", "contracts.yaml", "set it to train"),
        ("instruction_tuning={epochs: 2}", "instruction_tuning.path", "add path"),
        ("instruction_tuning={path: a.jsonl, epoch: 2}", "instruction_tuning.epoch", "did you mean epochs"),
        ("instruction_tuning={path: a.jsonl, objective: causal}", "instruction_tuning.objective", "instruct"),
        (
            "instruction_tuning={path: a.jsonl, lora: {rank: 0}}",
            "instruction_tuning.lora.rank",
            "write 1 or more",
        ),
    ],
)
def test_an_error_names_place_and_mend(tmp_path: Path, override: str, place: str, fix: str) -> None:
    if override.startswith("base="):
        recipe = load_recipe(write(tmp_path), [override])
        with pytest.raises(UserError, match=fix):
            recipe.base.identity_key()
        return
    line = errors(write(tmp_path), override)
    assert place in line
    assert fix in line
    assert "Fix: " in line
    assert len(line.splitlines()) == 1


def test_a_missing_key(tmp_path: Path) -> None:
    path = write(tmp_path)
    content = yaml.safe_load(Path(path).read_text())
    del content["release"]
    Path(path).write_text(yaml.safe_dump(content))
    assert "release: is missing" in errors(path)


def test_all_errors_come_at_once(tmp_path: Path) -> None:
    lines = errors(write(tmp_path), "training.tokens=lots", "tokenizer.vocab_size=many").splitlines()
    assert len(lines) == 2


@pytest.mark.parametrize("override", ["training.tokens", "=3", "training..tokens=1", "corpus.domain.7.kind=files"])
def test_overrides_that_lead_nowhere(tmp_path: Path, override: str) -> None:
    assert "--set" in errors(write(tmp_path), override)


def test_overrides_reach_into_lists_and_new_sections() -> None:
    content: dict[str, Any] = {"a": [{"b": 1}]}
    apply(content, "a.0.b=2")
    apply(content, "c.d={e: 3}")
    assert content == {"a": [{"b": 2}], "c": {"d": {"e": 3}}}


def test_a_recipe_that_is_not_there() -> None:
    assert "did you mean quickstart" in errors("quickstrat")


def test_a_file_that_is_no_mapping(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1\n")
    assert "not keys and values" in errors(str(tmp_path / "list.yaml"))


def test_paths_are_relative_to_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir("/")
    recipe = load_recipe(write(tmp_path, base="model", tokenizer={"mode": "keep"}))
    assert recipe.base.weights == str((tmp_path / "model").resolve())
    assert recipe.fitting.base == recipe.base.weights


def test_orders_are_found_from_the_recipe_and_named_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orders.jsonl").write_text('{"instruction": "a", "label": "b"}\n')
    monkeypatch.chdir("/")
    told = {"path": "orders.jsonl", "epochs": 3, "learning_rate": 2e-5, "lora": {"rank": 8}}
    recipe = load_recipe(write(tmp_path, instruction_tuning=told))
    assert recipe.instruction_tuning is not None
    assert recipe.instruction_tuning.path == str(tmp_path / "orders.jsonl")
    assert (
        recipe.instruction_tuning.identity_key()["orders"]
        == hashlib.sha256((tmp_path / "orders.jsonl").read_bytes()).hexdigest()
    )
    assert recipe.bundle.recipe["instruction_tuning"]["path"] == "orders.jsonl"
    assert load_recipe(write(tmp_path)).instruction_tuning is None


def test_an_encoder_is_not_tuned(tmp_path: Path) -> None:
    base = {"scratch": {"architecture": "bert", "width": 32, "layers": 1, "heads": 2, "context": 64}, "tokens": "10k"}
    path = write(tmp_path, base=base, training={"tokens": "10k", "batch": 256, "objective": "masked"})
    load_recipe(path)
    line = errors(path, "instruction_tuning.path=orders.jsonl")
    assert "an encoder does not follow instructions. Fix: use it to classify or tag" in line

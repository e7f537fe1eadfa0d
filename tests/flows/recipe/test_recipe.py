from __future__ import annotations

import hashlib
import time
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


@pytest.mark.parametrize(
    "override",
    [
        "training.tokens", "=3", "training..tokens=1", "corpus.domain.7.kind=files", "corpus.domain.-1.path=x",
        "corpus.domain.+0.path=x", "corpus.domain. 0.path=x", "corpus.domain.٠.path=x", "corpus.domain.1_0.path=x",
        f"corpus.domain.{'9' * 5_000}.path=x", f"{'a.' * 3_000}b=1", f"a={'[' * 3_000}", "a=&a [*a]", "a=*b",
        "a=!!int x",
        "a=010", 'a="\\U00110000"', f"a={'9' * 5_000}", "a={", "a=1\n---\n2", 'training.seed="\\0"',
    ],
)  # fmt: skip
def test_overrides_that_lead_nowhere(tmp_path: Path, override: str) -> None:
    line = errors(write(tmp_path), override)
    assert line.startswith("--set ")
    assert "\n" not in line.replace(override, "")


BOOLEANS = (
    "training.tokens", "training.learning_rate", "training.seed", "training.batch", "training.mixture.domain",
    "release.gates.general_loss", "release.gates.domain_gain", "corpus.holdout.test", "corpus.max_unreadable",
    "base.scratch.width", "base.tokens", "tokenizer.vocab_size", "evaluation.bytes", "pilot.domain", "budget.hours",
)  # fmt: skip


@pytest.mark.parametrize("value", ["true", "false", "on", "off", "yes", "'1'", "[true]"])
@pytest.mark.parametrize("place", BOOLEANS)
def test_no_number_is_written_as_a_boolean(tmp_path: Path, place: str, value: str) -> None:
    if value == "'1'" and place.rpartition(".")[2] in ("tokens", "batch", "width", "vocab_size", "bytes"):
        return  # sizes may be written as text, such as 20k
    assert place in errors(write(tmp_path), f"{place}={value}")


@pytest.mark.parametrize(
    "override",
    [
        "training.seed=1180591620717411303424", "training.learning_rate=100", "base.scratch.width=1e12",
        "base.scratch.layers=1000000000000", "training.tokens=1e30", f"training.tokens={'1' + '0' * 90}",
        f"training.tokens='{'1' * 400}B'", "training.tokens=1000000T", f"name={'a' * 300}", "name=../x",
        "corpus.as_of=2021-02-30", "corpus.as_of=2021-01-01T25:00", "corpus.as_of=20210101", "corpus.as_of=0",
        "training.learning_rate=.nan", "training.learning_rate=.inf", "training.learning_rate=1e400",
        "training.tokens=190:20:30", "training.tokens=0x_", "evaluation.seed=1_000", f"release.licence={'x' * 300}",
    ],
)  # fmt: skip
def test_values_out_of_bounds_are_refused_by_their_place(tmp_path: Path, override: str) -> None:
    line = errors(write(tmp_path), override)
    assert f"{override.partition('=')[0]}: " in line
    assert len(line) < 400


def test_a_thousand_errors_are_told_in_fifty_lines_and_no_time(tmp_path: Path) -> None:
    began = time.process_time()
    lines = errors(write(tmp_path, **{f"key{i}": [[i]] for i in range(5_000)}, **{"k" * 500: 1})).splitlines()
    assert time.process_time() - began < 5
    assert len(lines) == 51
    assert "4,951 more errors" in lines[-1]
    assert max(map(len, lines)) < 500


def test_aliases_share_no_place(tmp_path: Path) -> None:
    path = tmp_path / "contracts.yaml"
    text = yaml.safe_dump({**GOOD, "corpus": None}).replace("corpus: null", "")
    path.write_text(
        f"{text}\ncorpus:\n  domain: &s [{{kind: files, path: a.jsonl, licence: mit}}]\n  general: *s\n"
        "  licences: {allow: [mit]}\n  holdout: {<<: {test: 0.1, validation: 0.1}, test: 0.2}\n"
    )
    recipe = load_recipe(str(path), ["corpus.domain.0.path=b.jsonl"])
    assert [Path(source.path).name for _, source in recipe.corpus.sources()] == ["b.jsonl", "a.jsonl"]  # type: ignore[attr-defined]
    assert (recipe.corpus.holdout.test, recipe.corpus.holdout.validation) == (0.2, 0.1)


@pytest.mark.parametrize("path", ["a" * 300, "b/" + "é" * 130, "./" + "a/" * 2_048])
def test_paths_that_no_file_system_has_are_refused(tmp_path: Path, path: str) -> None:
    assert "corpus.domain.0.path: " in errors(write(tmp_path), f"corpus.domain.0.path={path}")
    assert "contracts.yaml: base: " in errors(write(tmp_path, base=path, tokenizer={"mode": "keep"}))
    with pytest.raises(UserError, match="no such recipe"):
        load_recipe(path)


def test_a_home_that_nobody_has_is_a_folder_that_is_missing(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, base="~nobody-of-this-name/x", tokenizer={"mode": "keep"}))
    with pytest.raises(UserError, match="does not exist"):
        recipe.base.identity_key()


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

"""What a user can get wrong ends in one clear line, exit code 2, and nothing that passes for finished."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("without_engine")


@pytest.fixture
def run(make_recipe: Any, tmp_path: Path, command: Any) -> Any:
    """``run(*options, **sections)``: the small recipe with other sections, in a work folder of its own."""

    def call(*options: object, **sections: Any) -> Any:
        path = make_recipe(**sections)
        return command.ask("run", path, "--work", tmp_path / "work", "--tracking", "none", *command.machine, *options)

    return call


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.tokns=1", ("contracts.yaml: training.tokns", "not a valid key", "did you mean tokens")),
        ("training.batch=many", ("training.batch", "'many'", "a number such as")),
        ("corpus.domain.0.kind=flies", ("corpus.domain.0", "no kind 'flies'", "files, hub, packages")),
        ("corpus.domain.0.path=nowhere/at/all.jsonl", ("nowhere/at/all.jsonl", "correct path")),
        ("corpus.domain.0.path=none-*.jsonl", ("none-*.jsonl", "matches no file")),
        ("training.mixture={domain: 0.7, general: 0.7}", ("training.mixture", "add up to 1")),
        ("training.tokens=100", ("training.tokens", "fewer than one batch")),
        ("training.tokens=null", ("training.tokens", "no budget")),
        ("base.tokens=100", ("base.tokens", "fewer than one batch")),
        ("tokenizer.vocab_size=30000", ("tokenizer.vocab_size", "the text supports")),
        ("corpus.licences.allow=[apache-2.0]", ("corpus.licences.allow", "domain", "mit")),
        ("evaluation.domain=[nonsense]", ("no task nonsense",)),
        ("nonsense", ("--set nonsense", "a.b=value")),
    ],
)
def test_bad_recipes(run: Any, command: Any, tmp_path: Path, override: str, words: tuple[str, ...]) -> None:
    command.refused(run("--set", override), *words)
    later = {"evaluate", "decide", "release", "pretrain"}
    assert not later & set(command.whole(tmp_path / "work"))


def test_tokens_that_are_not_derived_yet(run: Any, command: Any, tmp_path: Path) -> None:
    """A budget alone is refused at the start, not after the base's training; up to the base it is enough."""
    settings = {"budget": {"hours": 1}, "training": {"batch": 512}}
    command.refused(run(**settings), "training.tokens", "contracts.yaml --write derives it from the budget")
    assert command.whole(tmp_path / "work") == []
    assert run("--until", "curate", **settings).code == 0


@pytest.mark.parametrize("base", ["no/where/at-all", "./nowhere", "org/model"])
def test_a_base_that_does_not_exist(run: Any, command: Any, base: str) -> None:
    command.refused(run(base=base, tokenizer={"mode": "keep"}), "base", base.removeprefix("./"))


def test_a_corpus_that_is_empty_after_curation(run: Any, command: Any, tmp_path: Path) -> None:
    demanding = "corpus.filters=[{kind: quality, gopher: {words_least: 100000, words_most: 200000}}]"
    command.refused(run("--set", demanding), "corpus", "no document is left")
    assert command.whole(tmp_path / "work") == ["collect", "protect"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b'{"text": "a clause", "licence": "mit"}\n{"text": "a cla\n', ("broken.jsonl:2", "not valid JSON")),
        ('{"text": "Kläger", "licence": "mit"}\n'.encode("latin-1") * 3, ("broken.jsonl:1", "UTF-8")),
        (b"", ("holds no document",)),
        (b'{"body": "a clause"}\n', ("no column text", "body")),
    ],
)
def test_broken_files(run: Any, command: Any, tmp_path: Path, lines: bytes, words: tuple[str, ...]) -> None:
    (tmp_path / "broken.jsonl").write_bytes(lines)
    command.refused(run("--set", "corpus.domain.0.path=broken.jsonl"), *words)
    assert command.whole(tmp_path / "work") == ["protect"]


def test_a_work_folder_in_use(run: Any, command: Any, tmp_path: Path, held_by_another: Any) -> None:
    with held_by_another(tmp_path / "work"):
        command.refused(run(), "in use by another run")


def test_a_full_disk_before_the_start(run: Any, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.run.disk.START", 10**18)
    command.refused(run(), "the disk is full")


@pytest.mark.parametrize("where", ["domain.manifest.inventory", "domain.tokenizer.fit.measure"])
def test_a_full_disk_in_a_stage(
    run: Any, command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(where, full)
    command.refused(run("--until", "tokenizer"), "No space left on device", "make room")
    assert "tokenizer" not in command.whole(tmp_path / "work")


def test_machine_profile_from_a_file_and_flags(make_recipe: Any, command: Any, tmp_path: Path) -> None:
    from flows.command import cli
    from flows.command.options import machine_of

    (tmp_path / "machine.yaml").write_text("workers: 3\nthreads: 2\nprecision: bf16\n")
    options = cli.parser().parse_args(["run", "x", "--machine", str(tmp_path / "machine.yaml"), "--threads", "5"])
    machine = machine_of(options)
    assert (machine.workers, machine.threads, machine.precision) == (3, 5, "bf16")


@pytest.mark.parametrize(
    ("profile", "words"),
    [("wrkers: 3\n", "did you mean workers"), ("- 3\n", "not keys and values"), ("workers: many\n", "'many'")],
)
def test_bad_machine_profiles(make_recipe: Any, command: Any, tmp_path: Path, profile: str, words: str) -> None:
    (tmp_path / "machine.yaml").write_text(profile)
    command.refused(command.ask("plan", make_recipe(), "--machine", tmp_path / "machine.yaml"), words)


def test_options_out_of_range(command: Any) -> None:
    for rest in (("--as-of", "someday"), ("--as-of", "2999-01-01"), ("--until", "lunch")):
        answer = command.ask("run", "quickstart", *rest)
        assert answer.code == 2
        assert "error: argument" in answer.err
    assert command.ask("go").code == 2


def test_generate_without_a_release(command: Any, make_recipe: Any, tmp_path: Path) -> None:
    command.refused(command.ask("generate", make_recipe(), "hello", "--work", tmp_path / "work"), "has no release")
    command.refused(command.ask("generate", "nothing", "hello", "--work", tmp_path / "work"), "no such recipe")
    (tmp_path / "empty").mkdir()
    command.refused(command.ask("generate", tmp_path / "empty", "hello"), str(tmp_path / "empty"))


def test_recipes_are_listed_each_with_a_line(command: Any) -> None:
    answer = command.ask("recipes")
    assert answer.code == 0
    assert "quickstart" in answer.out
    assert all(len(line.split(maxsplit=1)) == 2 for line in answer.out.splitlines())


def test_a_reader_that_has_enough(undisturbed: Path, make_recipe: Any) -> None:
    code = "import sys; from flows.command.cli import main; sys.exit(main(['recipes']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[3]
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_front_door_imports_nothing_until_it_is_asked() -> None:
    code = (
        "import sys, json, flows; before = sorted(m for m in sys.modules if m.startswith(('flows.', 'pydantic')));"
        "flows.load_recipe; after = 'flows.recipe.recipe' in sys.modules;"
        "print(json.dumps([before, after, dir(flows), flows.__all__]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    before, after, shown, names = json.loads(answer.stdout)
    assert before == []
    assert after
    assert shown == sorted(names) == ["Recipe", "RunResult", "load_recipe", "run_recipe"]


def test_a_base_that_is_not_there_is_told_before_any_work(make_recipe: Any, tmp_path: Path, command: Any) -> None:
    recipe = make_recipe(base="models/nowhere", tokenizer={"mode": "keep"})
    where = ("--work", tmp_path / "work", "--tracking", "none", *command.machine)
    command.refused(command.ask("run", recipe, *where), "base", "models/nowhere")
    assert command.whole(tmp_path / "work") == []
    # Text may be cleaned before it is settled what will read it.
    assert command.ask("run", recipe, "--until", "curate", *where).code == 0


def test_harm_by_the_command(command: Any, tmp_path: Path) -> None:
    words = {"abuse": "vile thing", "none": "kind letter"}
    rows = [{"text": f"{words[label]} {i}", "label": label} for label in words for i in range(50)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = tmp_path / "m.safetensors"
    answer = command.ask("harm", "train", tmp_path / "a.jsonl", "--safe", "none", "--out", model)
    assert answer.code == 0, answer.err
    assert "F1 1.000" in answer.out
    scorer = f"{{linear: {model}}}"
    answer = command.ask("harm", "calibrate", tmp_path / "a.jsonl", "--scorer", scorer, "--most", "0.5")
    assert answer.out.startswith("threshold: ")
    command.refused(
        command.ask("harm", "train", tmp_path / "no", "--safe", "none", "--out", model), "no", "cannot be read"
    )
    assert command.ask("harm").code == 2


def test_a_day_is_explained(command: Any) -> None:
    someday = command.ask("run", "quickstart", "--as-of", "yesterday").err
    assert someday.endswith("argument --as-of: 'yesterday' is not a date; write YYYY-MM-DD, such as 2026-01-31\n")
    assert "2999-01-01 is in the future; today in UTC is " in command.ask("run", "x", "--as-of", "2999-01-01").err


def test_the_version(command: Any) -> None:
    from importlib.metadata import version

    answer = command.ask("--version")
    assert (answer.code, answer.out) == (0, f"shoptalk {version('shoptalk')}\n")


def test_a_command_is_one_module_with_one_sentence() -> None:
    from flows.command import cli

    folder = Path(cli.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "cli", "options", "safe_output", "scoring"}
    assert modules == set(cli.COMMANDS)
    for name in modules:
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        sideways = [
            line
            for line in text.splitlines()
            if "from flows.command." in line and not re.search(r"\.(options|scoring) import", line)
        ]
        assert sideways == []


@pytest.mark.parametrize("name", ["contracts", "contracts.yaml"])
def test_a_recipe_is_named_by_its_file_or_by_its_run(
    make_recipe: Any, command: Any, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_recipe()
    monkeypatch.chdir(tmp_path)
    where = ("--work", tmp_path / "work", *command.machine)
    assert command.ask("run", name, "--until", "curate", "--tracking", "none", *where).code == 0
    monkeypatch.chdir("/")
    assert command.ask("plan", "contracts", *where).code == 0
    for words in (("ledger", "contracts"), ("show", "contracts"), ("why", "contracts", "domain-1")):
        assert command.ask(*words, "--work", tmp_path / "work").code == 0, words
    assert command.ask("ledger", tmp_path / "contracts.yaml", "--work", tmp_path / "work").code == 0

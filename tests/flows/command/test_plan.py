"""What a plan prints, and that writing it changes one number of the recipe and no other byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.machine import Machine
from domain.planning.speed import Measured
from domain.units import amount, duration, size
from flows.recipe.planned import plan_of
from flows.recipe.recipe import load_recipe


@pytest.fixture
def said(command: Any, tmp_path: Path) -> Any:
    """The lines of a plan by their name; without a name they belong to the line before."""

    def ask(path: Any, *more: object) -> dict[str, str]:
        answer = command.ask("plan", path, *command.machine, "--work", tmp_path, *more)
        assert answer.code == 0, answer.err
        lines: dict[str, str] = {}
        for line in answer.out.split("\n\n")[0].splitlines():
            name = line[:11].strip() or list(lines)[-1]
            lines[name] = f"{lines[name]} {line[12:]}" if name in lines else line[12:]
        return lines

    return ask


def test_a_plan_says_what_a_person_asks(make_recipe: Any, said: Any) -> None:
    lines = said(make_recipe())
    assert list(lines) == [
        "parameters", "tokens", "text", "compute", "time", "speed", "pilots", "memory", "fits", "serving", "disk",
        "law",
    ]  # fmt: skip
    # 300 pieces padded to 320 rows x 32; 4 matrices of 32 x 32, 3 of 32 x 128, 2 norms in the layer; the last norm
    assert lines["parameters"].startswith(f"{320 * 32 + 4 * 32**2 + 3 * 32 * 128 + 3 * 32:,} ")
    assert lines["tokens"].startswith("base 8.19k, adapted 8.19k, control 8.19k, in rows of 64")
    flops = 3 * 8_192 * (6 * 26_720 + 12 * 32 * 64)
    assert float(lines["compute"].split()[0]) == pytest.approx(flops, rel=0.01)
    assert "6 N D and 12 layers x width x row" in lines["compute"]
    assert lines["time"].endswith("collecting and cleaning are not included; not yet measured on this machine")
    assert lines["text"].endswith("at 4 bytes per token (assumed)")
    assert "estimated from a matrix product" in lines["speed"]
    assert lines["fits"].startswith("in the ")
    assert "micro_batch: 512, recompute: none" in lines["fits"]
    # 2 x 1 layer x 32 x 2 bytes a token, 64 of them; weights at 2, 1 and half a byte
    assert lines["serving"].startswith(
        "53.4 kB in bf16, 26.7 kB in int8, 13.4 kB in 4-bit; keys and values 128 B a token"
    )
    assert "8.19 kB for a text of 64, 131 kB for 16" in lines["serving"]
    assert "under it" in lines["law"]


def test_a_plan_counts_what_it_is_tuned_by(make_recipe: Any, said: Any, command: Any) -> None:
    path = make_recipe(instruction_tuning={"path": "orders.jsonl", "batch": 256, "validation": {"share": 0.0}})
    # 24 letters and 8, at 4 bytes a token, and 6 tokens around each: 20 tokens, of which three fit into a row of 64 + 1
    line = json.dumps({"instruction": "a" * 24, "label": "b" * 8}) + "\n"
    path.with_name("orders.jsonl").write_text(24 * line + json.dumps({"instruction": "a" * 400, "label": "b"}) + "\n")
    lines = said(path)
    assert "tuning 1.02k, in rows" in lines["tokens"]  # 4 x 4 rows of 64
    assert "tuning " in lines["time"]
    told = "24 examples of about 20 tokens (1 more too long), 2 times: 4 steps of 4 rows of 64; "
    assert lines["tuning"].startswith(told)
    path.with_name("orders.jsonl").write_text("{}\n")
    command.refused(command.ask("plan", path, *command.machine), "orders.jsonl:1", "has no instruction")


def test_a_plan_for_gpus_that_are_elsewhere(make_recipe: Any, said: Any, tmp_path: Path) -> None:
    profile = tmp_path / "cluster.yaml"
    profile.write_text("gpu: H100\nprocesses: 8\ndevice: cuda\nprecision: bf16\n")
    shape = "{width: 4096, layers: 32, heads: 32, ffn: 11008, context: 4096, tied: false}"
    large = (f"base.scratch={shape}", "tokenizer.vocab_size=32000", "base.tokens=1B", "training.tokens=1B",
             "training.batch=512k", "base.learning.batch=512k")  # fmt: skip
    sets = [word for each in large for word in ("--set", each)]
    command = ("--machine", profile, "--device", "cuda", "--precision", "bf16")
    lines = said(make_recipe(), *command, *sets)
    assert lines["parameters"].startswith("6,738,415,616 (32 layers of width 4096")
    assert "GPU-hours" in lines["time"]
    assert "on 8 x H100 in bf16 (35% of H100's peak" in lines["speed"]
    # 12 bytes a parameter over 8 ranks
    assert lines["host"].startswith("10.1 GB beside each GPU")
    assert "in the 80 GB of H100: micro_batch" in lines["fits"]
    # weights and moments of 12 bytes over two, gradients of 4 whole: 67 GB, and a row of 2,048 at a time
    assert "on 2 such GPUs: micro_batch: 2048, recompute: full" in lines["fits"]
    one = said(make_recipe(), *command, "--processes", 1, *sets)
    assert one["fits"].startswith("not in the 80 GB of H100, however little goes through at once")
    profile.write_text("gpu: Q1\nprocesses: 1\ndevice: cuda\n")
    assert "set memory_gb" in said(make_recipe(), *command, *sets)["fits"]
    profile.write_text("gpu: H100\nprocesses: 1\ndevice: cuda\nrecompute: full\n")
    assert "(8 N D)" in said(make_recipe(), *command)["compute"]


@pytest.mark.parametrize(
    ("architecture", "objective", "compute", "alone"),
    [
        ("t5", "span", "of 70 tokens 64 pass the encoder and 14 the decoder; about 6 (N/2) D", False),
        ("bart", "denoising", "62 tokens 52 pass the encoder and 64 the decoder, about 6 N D", True),
        ("bert", "masked", "the head does at 15% of the positions", False),
        ("bloom", "causal", "6 N D", True),
    ],
)
def test_families(make_recipe: Any, said: Any, architecture: str, objective: str, compute: str, alone: bool) -> None:
    shape = f"base.scratch={{architecture: {architecture}, width: 32, layers: 1, heads: 2, context: 64}}"
    lines = said(make_recipe(), "--set", shape, "--set", f"training.objective={objective}",
                 "--set", "tokenizer.vocab_size=500")  # fmt: skip
    assert compute in lines["compute"]
    assert ("one document a row" in lines.get("note", "")) is alone
    assert ("keys and values" in lines["serving"]) is (architecture != "bert")


def test_a_base_on_the_hub_is_gone_on_from_with_care(make_recipe: Any, command: Any, said: Any, tmp_path: Path) -> None:
    weights = f"EleutherAI/pythia-160m@{'0123456789' * 4}"
    given = {"base": weights, "tokenizer": {"mode": "keep"}}
    careful = load_recipe(str(make_recipe(**given, training={"tokens": 8_192, "batch": 512})))
    assert careful.training.learning_rate == 6e-5
    assert all(arm.learning_rate == 6e-5 for arm in careful.arms.values())
    assert "a tenth of the peak of pythia-160m" in careful.warnings[0]
    own = load_recipe(str(make_recipe(**given)))  # its training sets a rate
    assert (own.training.learning_rate, own.warnings) == (6e-3, [])
    assert load_recipe(str(make_recipe())).warnings == []


def test_a_chat_model_is_asked_about(make_recipe: Any, command: Any, pretrained: Path, tmp_path: Path) -> None:
    base = tmp_path / "tiny-chat"
    shutil.copytree(pretrained, base)
    path = make_recipe(base=str(base), tokenizer={"mode": "keep"})
    command.refused(command.ask("plan", path, *command.machine), "base", "tuned to chat", "chat: true")
    command.refused(command.ask("run", path, *command.machine, "--work", tmp_path / "w"), "base", "tuned to chat")
    answer = command.ask("plan", path, "--set", f"base={{weights: {base}, chat: true}}", *command.machine)
    assert answer.code == 0
    assert "compute-optimal" not in answer.out  # of given weights the size is not to be chosen


def test_what_was_measured_is_planned_with(make_recipe: Any, said: Any, tmp_path: Path) -> None:
    recipe = load_recipe(str(make_recipe()))
    machine = Machine(work=tmp_path, device="cpu", precision="fp32", threads=1)
    before = plan_of(recipe, machine)
    record = {"identity": "i", "label": "adapted", "parameters": 26_720, "flops_per_second": 2.5e9}
    Measured(tmp_path).add(before.device, "decoder", {**record, "memory_factor": 1.0, "warm_up": 0.0})
    assert said(make_recipe())["speed"].startswith("0.0025 TFLOP/s on ")
    assert "measured: adapted, 0.02672M parameters" in said(make_recipe())["speed"]
    assert said(make_recipe())["time"].endswith("collecting and cleaning are not included")


def test_bytes_per_token_are_those_of_the_base_s_own_tokenizer(
    make_recipe: Any, said: Any, pretrained: Path, texts: Path
) -> None:
    from transformers import AutoTokenizer

    base = AutoTokenizer.from_pretrained(pretrained)
    ratios = []
    for part in ("domain", "general"):
        lines = [json.loads(line)["text"] for line in (texts / f"{part}.jsonl").read_text().splitlines()[:20]]
        tokens = sum(len(base(line, add_special_tokens=False)["input_ids"]) for line in lines)
        ratios.append(sum(len(line) for line in lines) / tokens)
    mixture = {"domain": 0.7, "general": 0.3}
    training = {"tokens": 8_192, "batch": 512, "mixture": mixture}
    lines = said(make_recipe(base=str(pretrained), tokenizer={"mode": "keep"}, training=training))
    expected = 0.7 * ratios[0] + 0.3 * ratios[1]
    assert lines["text"].endswith(f"at {expected:.3g} bytes per token (of the base's tokenizer)")


def test_nothing_to_plan_from(make_recipe: Any, command: Any) -> None:
    command.refused(command.ask("plan", make_recipe(training={"batch": 512})), "training.tokens", "no budget")
    command.refused(command.ask("plan", make_recipe(), "--write"), "budget", "not set")


def test_write_keeps_every_other_byte(make_recipe: Any, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.planning.speed.guessed_rate", lambda device: (1e9, "by hand"))
    path = make_recipe(budget={"gpus": 1, "hours": 0.01}, training={"batch": 512})
    before = path.read_text().replace("training:\n", "training:   # how it learns\n") + "# the end\n"
    path.write_text(before)
    answer = command.ask("plan", path, "--write", *command.machine)
    assert answer.code == 0, answer.err
    tokens = yaml.safe_load(path.read_text())["training"]["tokens"]
    assert tokens % 512 == 0
    assert f"training.tokens: {tokens}" in answer.out
    assert path.read_text().replace(f"tokens: {tokens}\n  ", "") == before


def test_a_shipped_recipe_is_not_written_to(command: Any) -> None:
    answer = command.ask("plan", "quickstart", "--write", "--set", "budget={hours: 1}", *command.machine)
    command.refused(answer, "ships with Shoptalk")


def test_numbers_as_people_say_them() -> None:
    assert [amount(n) for n in (12, 1_234, 1_200_000, 999_800_000, 3e9)] == ["12", "1.23k", "1.2M", "1B", "3B"]
    assert [size(n) for n in (12, 2_240_000, 1.5e9)] == ["12 B", "2.24 MB", "1.5 GB"]
    assert [duration(n) for n in (12, 240, 9_000, 300_000)] == ["12 s", "4 min", "2.5 h", "3.5 days"]


def test_a_plan_says_where_a_filter_would_take_much(make_recipe: Any, said: Any, tmp_path: Path) -> None:
    """Before anything is spent; with its reason, and three samples that are masked."""
    path = make_recipe()
    calls = [{"text": f"call anna{i}@example.org"} for i in range(4)]
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(call) + "\n" for call in calls))
    content = yaml.safe_load(Path(path).read_text())
    source = {"kind": "files", "name": "calls", "path": str(tmp_path / "calls.jsonl"), "licence": "mit"}
    content["corpus"]["domain"] = [source]
    content["corpus"]["filters"] = ["quality"]
    Path(path).write_text(yaml.safe_dump(content))
    lines = said(path)
    told = "of its first 4, calls (domain): the filter quality takes 100% of it (4 documents: quality: too few words 4)"
    assert lines["filters"].startswith(told)
    assert lines["filters"].count("call <EMAIL>") == 3
    content["corpus"]["domain"] = [{**source, "filters": ["language"]}]
    Path(path).write_text(yaml.safe_dump(content))
    assert "calls" not in said(path).get("filters", "")


def test_a_plan_of_curation_needs_no_base(make_recipe: Any, said: Any, command: Any, tmp_path: Path) -> None:
    path = make_recipe()
    (tmp_path / "calls.jsonl").write_text('{"text": "short"}\n' * 4)
    content = yaml.safe_load(Path(path).read_text())
    crawl = {"kind": "feed", "urls": ["https://news.example/feed"], "licence": "mit", "contact": "you@bank.example"}
    content["corpus"]["domain"] = [{"kind": "files", "path": str(tmp_path / "calls.jsonl"), "licence": "mit"}, crawl]
    content["corpus"]["filters"] = ["quality"]
    content["base"] = {"weights": str(tmp_path / "not there")}
    Path(path).write_text(yaml.safe_dump(content))
    lines = said(path, "--until", "curate")
    assert lines.keys() == {"filters", "note"}
    assert "calls (domain): the filter quality takes 100% of it" in lines["filters"]
    assert "(domain) is not tried: it is not on this machine" in lines["note"]
    command.refused(command.ask("plan", path, *command.machine), "not there")
    content["corpus"]["domain"] = content["corpus"]["general"]
    Path(path).write_text(yaml.safe_dump(content))
    assert said(path, "--until", "curate", "--set", "corpus.filters=[]")["filters"] == (
        "none takes more than a third of a source's first 100 documents"
    )

"""What a plan prints, and that writing it changes one number of the recipe and no other byte."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from flows.plan import amount, duration, size, with_tokens


def test_a_plan_says_what_a_person_asks(make_recipe: Any, command: Any) -> None:
    answer = command.ask("plan", make_recipe(), *command.machine)
    assert answer.code == 0
    lines = dict(line.split(maxsplit=1) for line in answer.out.splitlines())
    assert lines.keys() >= {"parameters", "tokens", "compute", "time", "memory", "disk"}
    # 300 pieces padded to 320 rows x 32; 4 matrices of 32 x 32, 3 of 32 x 128, 2 norms in the layer; the last norm
    assert lines["parameters"].startswith(f"{320 * 32 + 4 * 32**2 + 3 * 32 * 128 + 3 * 32:,} ")
    assert lines["tokens"].startswith("base 8.19k, adapted 8.19k, control 8.19k")
    flops = 3 * 8_192 * (6 * 26_720 + 12 * 32 * 64)
    assert float(lines["compute"].split()[0]) == pytest.approx(flops, rel=0.01)
    assert "reading and cleaning are not in it" in lines["time"]


def test_nothing_to_plan_from(make_recipe: Any, command: Any) -> None:
    command.refused(command.ask("plan", make_recipe(training={"batch": 512})), "training.tokens", "no budget")
    command.refused(command.ask("plan", make_recipe(), "--write"), "budget", "not set")


def test_write_keeps_every_other_byte(make_recipe: Any, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.planning.plan.learning_rate_of", lambda name, bf16: (1e9, "by hand"))
    path = make_recipe(budget={"gpus": 1, "hours": 0.01}, training={"batch": 512})
    before = path.read_text().replace("training:\n", "training:   # how it learns\n") + "# the end\n"
    path.write_text(before)
    answer = command.ask("plan", path, "--write", *command.machine)
    assert answer.code == 0, answer.err
    tokens = yaml.safe_load(path.read_text())["training"]["tokens"]
    assert tokens % 512 == 0
    assert f"training.tokens: {tokens}" in answer.out
    assert path.read_text() == before.replace("  batch: 512\n", f"  tokens: {tokens}\n  batch: 512\n", 1) or (
        path.read_text().replace(f"tokens: {tokens}\n  ", "") == before
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("training:\n  tokens: 2M  # few\n  batch: 1\n", "training:\n  tokens: 7  # few\n  batch: 1\n"),
        ("training:\n  batch: 1  # small\nrelease: x\n", "training:\n  tokens: 7\n  batch: 1  # small\nrelease: x\n"),
        ("training: {batch: 1}  # why\n", "training: {tokens: 7, batch: 1}  # why\n"),
        ("training: {}\n", "training: {tokens: 7}\n"),
        ("training:\nrelease: x\n", "training: {tokens: 7}\nrelease: x\n"),
        ("name: a  # b\n", "name: a  # b\n\ntraining: {tokens: 7}\n"),
        ('training: {"tokens": 1_000, batch: 1}\n', 'training: {"tokens": 7, batch: 1}\n'),
    ],
)
def test_tokens_are_put_in_where_they_belong(before: str, after: str) -> None:
    assert with_tokens(before, 7) == after


def test_a_shipped_recipe_is_not_written_to(command: Any) -> None:
    answer = command.ask("plan", "quickstart", "--write", "--set", "budget={hours: 1}", *command.machine)
    command.refused(answer, "ships with Shoptalk")


def test_numbers_as_people_say_them() -> None:
    assert [amount(n) for n in (12, 1_234, 1_200_000, 3e9)] == ["12", "1.23k", "1.2M", "3B"]
    assert [size(n) for n in (12, 2_240_000, 1.5e9)] == ["12 B", "2.24 MB", "1.5 GB"]
    assert [duration(n) for n in (12, 240, 9_000, 300_000)] == ["12 s", "4 min", "2.5 h", "3.5 days"]

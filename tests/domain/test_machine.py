"""A machine profile has its passwords from the environment, and never hands them on."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.machine import Machine


def test_passwords_come_from_the_environment_and_stay_in_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "SECRET")
    machine = Machine(
        tracking="postgresql+psycopg2://shop:${SHOP_PASSWORD}@db/mlflow",
        proxy="user:${SHOP_PASSWORD}@proxy:3128",
        mirrors={"https://huggingface.co": "https://u:${SHOP_PASSWORD}@mirror"},
    )
    assert machine.tracking == "postgresql+psycopg2://shop:SECRET@db/mlflow"
    assert machine.proxy == "http://user:SECRET@proxy:3128"
    assert machine.mirrors["https://huggingface.co"] == "https://u:SECRET@mirror"
    handed_on = machine.model_dump(mode="json")
    assert handed_on["tracking"] == "postgresql+psycopg2://db/mlflow"
    assert "SECRET" not in f"{handed_on} {machine.model_dump_json()}"


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ValidationError, match="NO_SUCH_VARIABLE"):
        Machine(tracking="http://shop:${NO_SUCH_VARIABLE}@host")

"""Names and values against MLflow's own checks, in a real store."""

from __future__ import annotations

import pytest

KEYS = [
    "facts.sources.https://www.bank.example/press.kept", "press//2024", "a/./b", "../a", "/a", "a/", ".", "", "a b",
    "Q1@EU", "Q1#EU", "Q1_EU", "x" * 400, "x" * 399 + "y", "\u4e2d\u6587 \u0647", "a\nb", "\ud800", "a:b", "e\u0301",
]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> object:
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}")


@pytest.mark.parametrize("key", KEYS)
def test_mlflow_takes_the_name(key: str) -> None:
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name

    from flows.tracking.mlflow_values import mlflow_name

    _validate_metric_name(mlflow_name(key))
    _validate_param_name(mlflow_name(key))
    assert len(mlflow_name(key)) <= 250


def test_different_keys_have_different_names() -> None:
    from flows.tracking.mlflow_values import mlflow_name

    assert len({mlflow_name(key) for key in KEYS}) == len(KEYS)
    assert mlflow_name("domain.adapted") == "domain.adapted"
    assert mlflow_name("x" * 250) == "x" * 250


def test_a_refused_value_costs_no_other(client: object, caplog: pytest.LogCaptureFixture) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    from flows.tracking.mlflow_values import log_values

    assert isinstance(client, MlflowClient)
    run = client.create_run("0").info.run_id
    client.log_param(run, "depth", "2")
    good = [Metric("loss", 1.5, 0, step) for step in range(1, 8)]
    bad = [Param("depth", "3"), Metric("a//b", 1.0, 0, 1)]  # a parameter never changes, and a name that is no path
    log_values(client, run, [*good[:4], *bad, *good[4:], Param("width", "8"), RunTag("who", "me")])
    data = client.get_run(run).data
    assert [each.step for each in sorted(client.get_metric_history(run, "loss"), key=lambda each: each.step)] == [
        *range(1, 8)
    ]
    assert data.params == {"depth": "2", "width": "8"}
    assert data.tags["who"] == "me"
    assert [message for message in caplog.messages if "refuses depth" in message]
    assert [message for message in caplog.messages if "refuses a//b" in message]
    log_values(client, run, [])


def test_a_server_that_fails_is_no_refusal(client: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.exceptions import MlflowException

    from flows.tracking.mlflow_values import log_values

    assert isinstance(client, MlflowClient)
    calls = []

    def fail(*args: object, **kwargs: object) -> None:
        calls.append(args)
        raise MlflowException("no answer")

    monkeypatch.setattr(client, "log_batch", fail)
    with pytest.raises(MlflowException, match="no answer"):
        log_values(client, "run", [Metric("loss", 1.0, 0, 1), Metric("loss", 1.0, 0, 2)])
    assert len(calls) == 1

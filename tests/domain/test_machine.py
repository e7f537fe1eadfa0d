from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from domain.machine import Machine


@pytest.mark.parametrize(
    "fields",
    [
        {"workers": 10**9}, {"workers": True}, {"workers": "4"}, {"processes": 10**6}, {"nodes": 0}, {"threads": -1},
        {"memory_gb": True}, {"memory_gb": float("inf")}, {"checkpoint_seconds": 1e-300},
        {"rendezvous": "-oProxy x:99999999"}, {"rendezvous": "-host:1"}, {"rendezvous": "a:0"},
        {"rendezvous": "a:65536"}, {"checkpoint_seconds": 10**400},
        {"rendezvous": "a"}, {"rendezvous": "a b:1"}, {"rendezvous": "a:1\n"}, {"rendezvous": "a:1:2"},
        {"ray": "-x:1"}, {"ray": "ray://-x:1"}, {"ray": "nowhere"}, {"work": "a\0b"}, {"work": "w\x1b]0;x"},
        {"work": 5},
        {"work": "a" * 300}, {"tracking": "sqlite:///a\0"}, {"tracking": "x" * 5_000}, {"proxy": "http://a\r\n\0"},
        {"mirrors": {"http://a\x1b": "b"}}, {"private_hosts": ["a\0"]}, {"gpu": "x" * 200},
        {"private_hosts": ["a"] * 20_000},
        {"slurm": {"partition": "a\n#SBATCH --wrap=x"}}, {"slurm": {"partition": "-a"}}, {"slurm": {"partition": ""}},
        {"slurm": {"partition": "a", "time": "1; x"}}, {"slurm": {"partition": "a", "qos": "a b"}},
        {"nodes": 2}, {"network": 1}, {"compile": "yes"}, {"network": "true"},
    ],
)  # fmt: skip
def test_a_profile_out_of_bounds_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Machine.model_validate(fields)


def test_a_profile_within_bounds() -> None:
    slurm = {"partition": "cpu,gpu_1", "time": "1-08:00:00", "qos": "low.prio"}
    fields = {
        "nodes": 2,
        "rendezvous": "node-1.cluster:29500",
        "ray": "ray://head:10001",
        "slurm": slurm,
        "memory_gb": 80,
    }
    machine = Machine.model_validate(fields)
    assert Machine.model_validate(machine.model_dump(mode="json")) == machine

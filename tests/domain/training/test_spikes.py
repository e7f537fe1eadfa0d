"""Which steps are skipped: by numbers worked by hand, and without a word from the host."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from domain.settings.learning import Spikes
from domain.training.spikes import SpikeGuard

CPU = torch.device("cpu")


def judge(guard: SpikeGuard, loss: float, norm: float = 1.0) -> float:
    skip = guard.judge(torch.tensor(loss), torch.tensor(norm))
    assert skip.dtype == torch.float32  # as a fused optimizer wants it
    return float(skip)


def filled(values: list[float], **spec: float) -> SpikeGuard:
    guard = SpikeGuard(Spikes(**{"window": 8, "sigmas": 3.0, **spec}), CPU)
    for value in values:
        assert judge(guard, value) == 0.0
    return guard


def test_three_deviations_above_the_mean() -> None:
    values = [2.0, 2.2, 1.9, 2.1, 2.05, 1.95, 2.0, 2.1]
    limit = float(np.mean(values) + 3 * np.std(values, ddof=1))
    assert judge(filled(values), limit - 1e-6) == 0.0
    assert judge(filled(values), limit + 1e-6) == 1.0
    assert judge(filled(values), 0.0) == 0.0  # far below is no harm


@pytest.mark.parametrize(("values", "window"), [([2.0, 2.2, 1.9, 2.1], 8), ([2.0, 2.4], 4)])
@pytest.mark.parametrize("sigmas", [0.5, 1.0, 3.0])
def test_before_the_window_is_full_its_own_steps_alone_count(values: list[float], window: int, sigmas: float) -> None:
    limit = float(np.mean(values) + sigmas * np.std(values, ddof=1))
    for excess, skipped in ((-1e-6, 0.0), (1e-6, 1.0)):
        guard = SpikeGuard(Spikes(window=window, sigmas=sigmas), CPU)
        guard.load(filled(values, window=window, sigmas=100.0).state)
        assert judge(guard, limit + excess) == skipped


def test_of_a_long_training_the_last_window_counts() -> None:
    values = [*np.linspace(9.0, 2.2, 15), 2.0, 2.2, 1.9, 2.1, 2.05, 1.95, 2.0, 2.1]
    limit = float(np.mean(values[-8:]) + 3 * np.std(values[-8:], ddof=1))
    assert judge(filled(values), limit - 1e-6) == 0.0
    assert judge(filled(values), limit + 1e-6) == 1.0


def test_a_loss_that_does_not_move_is_no_spike() -> None:
    assert judge(filled([2.0] * 8), 2.0) == 0.0


def test_the_gradient_norm_alone_is_enough() -> None:
    guard = SpikeGuard(Spikes(window=8, sigmas=3.0), CPU)
    for loss, norm in [(2.0, 1.0), (2.1, 1.1), (1.9, 0.9), (2.0, 1.05)]:
        assert judge(guard, loss, norm) == 0.0
    assert judge(guard, 2.0, 4.1) == 1.0  # the mean is 1.0125, three deviations above it 1.27
    assert judge(guard, 2.0, 4.0) == 0.0  # steep, yet clipping deals with it


def test_a_norm_is_measured_by_the_mean_of_norms() -> None:
    guard = SpikeGuard(Spikes(window=8, sigmas=3.0), CPU)
    for norm in (0.1, 0.11, 0.09, 0.1):
        assert judge(guard, 2.0, norm) == 0.0
    assert judge(guard, 2.0, 0.41) == 1.0
    assert judge(guard, 2.0, 0.399) == 0.0


def test_half_a_window_must_be_known() -> None:
    assert judge(filled([2.0, 2.1, 1.9]), 100.0) == 0.0
    assert judge(filled([2.0, 2.1, 1.9, 2.0]), 100.0) == 1.0


def test_one_step_of_a_window_of_two_has_no_deviation() -> None:
    assert judge(filled([2.0], window=2), 2.0) == 0.0
    assert judge(filled([2.0], window=2), 2.000001) == 1.0


def test_all_tensors_are_on_the_device_and_no_value_is_read() -> None:
    meta = torch.device("meta")  # its tensors have no values: to read one is an error
    guard = SpikeGuard(Spikes(), meta)
    assert guard.judge(torch.zeros((), device=meta), torch.zeros((), device=meta)).device == meta
    assert {tensor.device for tensor in (*guard.state.values(), guard.least)} == {meta}


def test_a_skipped_step_is_not_remembered() -> None:
    guard = filled([2.0, 2.1, 1.9, 2.0])
    for _ in range(20):  # had it been, the deviation would have grown until 100 was usual
        assert judge(guard, 100.0) == 1.0
    assert judge(guard, 2.05) == 0.0


def test_the_window_forgets() -> None:
    guard = filled([2.0, 2.1, 1.9, 2.0, 2.1, 1.9, 2.0, 2.1])
    slowly = [2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 2.9, 3.0]
    assert [judge(guard, value) for value in slowly] == [0.0] * 9


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("sigmas", [0.0, 6.0])
def test_what_is_no_number_is_always_skipped(broken: float, sigmas: float) -> None:
    guard = SpikeGuard(Spikes(sigmas=sigmas), CPU)
    assert judge(guard, broken) == 1.0
    assert judge(guard, 2.0, broken) == 1.0
    assert judge(guard, 2.0) == 0.0
    assert guard.history.isfinite().all()


def test_zero_sigmas_skip_no_number() -> None:
    assert judge(filled([2.0, 2.1, 1.9, 2.0], sigmas=0.0), 1e9) == 0.0


def test_goes_on_from_its_state() -> None:
    guard = filled([2.0, 2.1, 1.9, 2.0])
    assert guard.state.keys() == {"guard.seen", "guard.taken"}  # as saved states have them
    other = SpikeGuard(Spikes(window=8, sigmas=3.0), CPU)
    other.load({name: tensor.clone() for name, tensor in guard.state.items()})
    assert judge(other, 100.0) == 1.0

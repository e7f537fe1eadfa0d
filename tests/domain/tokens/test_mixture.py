from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from domain.tokens.mixture import Mixture, assign


def test_shares_hold_at_every_moment() -> None:
    parts, _ = assign([0.7, 0.3], 1_000)
    domain = np.cumsum(parts == 0)
    assert np.abs(domain - 0.7 * np.arange(1, 1_001)).max() <= 1.0


def test_numbers_count_within_each_part() -> None:
    parts, numbers = assign([0.5, 0.2, 0.3], 500)
    for part in range(3):
        assert numbers[parts == part].tolist() == list(range(int((parts == part).sum())))


def test_one_part_takes_all() -> None:
    parts, numbers = assign([1.0], 5)
    assert parts.tolist() == [0] * 5
    assert numbers.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("shares", [(0.7, 0.2), (0.8, 0.3), (-0.1, 1.1), (1.5, -0.5)])
def test_shares_must_add_up(shares: tuple[float, float]) -> None:
    with pytest.raises(ValidationError):
        Mixture(domain=shares[0], general=shares[1])


def test_a_part_without_share_is_not_read() -> None:
    assert Mixture(domain=0.0, general=1.0).shares == {"general": 1.0}

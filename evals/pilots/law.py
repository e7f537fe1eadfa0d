"""The law by which small runs foretell a large one: bits per byte of tokens, and of the share that text has in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

AWAY = 0.1  # keeps the share's term finite where a part is hardly read
FALL = np.geomspace(0.05, 0.7, 10)  # exponent of tokens; Chinchilla's is 0.366
BEFORE = (0.0, 0.1, 0.3, 1.0, 3.0)  # what the base brings along, in lengths of the longest pilot
PULL = np.linspace(0.0, 2.0, 5)  # how much more tokens do for a part that has a larger share of them
LIFT = (0.25, 0.5, 1.0, 2.0)  # how a larger share lowers what tokens do not
NOISE = 1e-4  # of the bits: below that, points that lie on a curve by chance would count as sure
DRAWS = 5_000


def foretold(
    shares: Sequence[float],
    tokens: Sequence[float],
    bits: Sequence[float],
    at: Sequence[tuple[float, float]],
    *,
    seed: int = 0,
) -> np.ndarray:
    """Draws of the bits per byte to expect ``at`` pairs of share and tokens: float64 [draws, len(at)].

    Three series of as many points. The D-CPT law of one model (arXiv 2406.01375) is fitted to them,

        bits = E + B share^pull / (before + tokens)^fall + C / (share + 0.1)^lift,

    and where there is one share only, E + B / (before + tokens)^fall. ``before`` is what a base brings along (data
    that is transferred, arXiv 2102.01293): without it a law takes the slow beginning of a training for its slow end.
    Exponents and ``before`` are what few points leave open, so none are picked: of a grid of them each counts by how
    well it fits, and E, B and C are drawn given them, with Student's distribution for the noise; the noise of the run
    that is foretold comes on top. The draws' spread is therefore that of two runs' noise and of all laws that the
    points allow. B and C may have either sign, since general text is forgotten with more tokens; no law may end
    below 0 bits. Raises ``ValueError`` where there are not more points than E, B and C.
    """
    values, size = np.asarray(bits, dtype=float), float(max(tokens))
    several = len(set(shares)) > 1
    exponents = np.array(list(product(FALL, BEFORE, *((PULL, LIFT) if several else ((0.0,), (0.0,))))))
    design = terms(shares, np.asarray(tokens) / size, exponents, several)
    free = len(values) - design.shape[2]
    if free < 1:
        raise ValueError(f"{len(values)} points are too few for {design.shape[2]} unknowns")
    turned, upper = np.linalg.qr(design)  # [laws, points, unknowns], [laws, unknowns, unknowns]
    inside = np.einsum("lpu,p->lu", turned, values)
    rest = np.square(values - np.einsum("lpu,lu->lp", turned, inside)).sum(1)
    rest += len(values) * (NOISE * values.mean()) ** 2
    # The prior is flat in what is fitted, not in E, B and C, whose volume depends on the exponents.
    weight = rest ** (-free / 2)
    generator = np.random.default_rng(seed)
    law = generator.choice(len(exponents), size=DRAWS, p=weight / weight.sum())
    spread = np.sqrt(rest[law] / generator.chisquare(free, DRAWS))
    around = inside[law] + spread[:, None] * generator.standard_normal((DRAWS, design.shape[2]))
    drawn = np.einsum("duv,dv->du", np.linalg.inv(upper)[law], around)
    end = terms(sorted(set(shares)), np.full(len(set(shares)), np.inf), exponents, several)[law]
    possible = (np.einsum("dpu,du->dp", end, drawn) >= 0).all(1)
    if possible.any():
        law, drawn, spread = law[possible], drawn[possible], spread[possible]
    wanted = terms([share for share, _ in at], np.array([count / size for _, count in at]), exponents, several)
    own = spread * generator.standard_normal(len(law))
    bits_there: np.ndarray = (np.einsum("dpu,du->dp", wanted[law], drawn) + own[:, None]).clip(min=0.0)
    return bits_there


def terms(shares: Sequence[float], tokens: np.ndarray, exponents: np.ndarray, several: bool) -> np.ndarray:
    """What E, B and C are multiplied with: float64 [laws, points, unknowns], tokens relative to the most."""
    share = np.asarray(shares, dtype=float)
    fall, before, pull, lift = exponents.T[..., None]
    columns = [np.ones((len(exponents), len(share))), share**pull * (before + tokens) ** -fall]
    return np.stack([*columns, (share + AWAY) ** -lift] if several else columns, axis=-1)


def interval(draws: np.ndarray) -> list[float]:
    """Median and the bounds between which 95% of the draws lie, to six places."""
    return [round(float(value), 6) for value in np.percentile(draws, [50, 2.5, 97.5])]

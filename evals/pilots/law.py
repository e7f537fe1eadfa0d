"""The scaling law of pilots: bits per byte as a function of tokens and of the share of a text among them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

OFFSET = 0.1  # keeps the share's term finite as the share goes to zero
FALL = np.geomspace(0.05, 0.7, 10)  # exponent of tokens; Chinchilla's is 0.366
BEFORE = (0.0, 0.1, 0.3, 1.0, 3.0)  # head start of the base, in lengths of the longest pilot
PULL = np.linspace(0.0, 2.0, 5)  # exponent of the share in the term that falls with tokens
LIFT = (0.25, 0.5, 1.0, 2.0)  # exponent of the share in the term that does not
NOISE = 1e-4  # least noise, relative to the bits: points on a curve by chance would otherwise count as certain
DRAWS = 5_000


def predict(
    shares: Sequence[float],
    tokens: Sequence[float],
    bits: Sequence[float],
    at: Sequence[tuple[float, float]],
    *,
    seed: int = 0,
) -> np.ndarray:
    """Draws of the predicted bits per byte ``at`` pairs of share and tokens: float64 [draws, len(at)].

    ``shares``, ``tokens`` and ``bits`` have one entry a pilot. The D-CPT law of one model (arXiv 2406.01375) is fitted,

        bits = E + B share^pull / (before + tokens)^fall + C / (share + 0.1)^lift,

    or, with a single share, E + B / (before + tokens)^fall. ``before`` is the head start of a base (transferred data,
    arXiv 2102.01293): without it the slow beginning of a training is mistaken for its slow end. A few points do not
    identify the exponents and ``before``, so predictions are averaged over a grid of them, weighted by fit. E, B and C
    are drawn given each, with Student's distribution for the noise, and the noise of the predicted run is added: the
    spread of the draws covers the noise of pilots and run, and all laws that fit. B and C may have either sign, since
    general text is forgotten with more tokens; no law may end below 0 bits. Raises ``ValueError`` unless there are
    more points than E, B and C.
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
    return np.stack([*columns, (share + OFFSET) ** -lift] if several else columns, axis=-1)


def interval(draws: np.ndarray) -> list[float]:
    """Median and the bounds between which 95% of the draws lie, to six places."""
    return [round(float(value), 6) for value in np.percentile(draws, [50, 2.5, 97.5])]

"""How many calls, how many tokens a round, and what an order or independence changes.

Distributions of sequences map each, a tuple, to its probability.  ``model`` answers ``anyorder``,
``x``, (L,), has given tokens and u masks, ``order`` the masked positions, by default from left to
right.  [guo-2026-self] has the bound and the joint of an order; the rest is derived here.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations, product
from math import ceil

import numpy as np

from paralg.core import checks
from paralg.decoding.any_subset.streams import TwoStreams, lattice_order
from paralg.decoding.randomness import softmax, total_variation
from paralg.models.counting import CountingModel
from paralg.models.protocol import Model, tokens_of

__all__ = ["call_bounds", "expected_tokens", "independent_joint", "order_joint",
           "order_spread"]  # fmt: skip


def call_bounds(u: int, k: int) -> tuple[int, int]:
    r"""Return the fewest and the most calls of self-drafted decoding of u unknowns.

    A round of two calls makes 2 to k tokens final (1 for k = 1), a last lone token costs one call.

    Parameters
    ----------
    u, k : int
        Unknowns, at least 0; targets in a round, at least 1.

    Returns
    -------
    tuple of int
        For :math:`k \ge 2` the most is u: Theorem 1 of the paper.

    References
    ----------
    [guo-2026-self], theorem 1.

    Examples
    --------
    >>> call_bounds(12, 1), call_bounds(12, 2), call_bounds(12, 5), call_bounds(11, 5)
    ((23, 23), (12, 12), (6, 12), (5, 11))
    """
    u, k = checks.integer("u", u), checks.integer("k", k, 1)
    if k == 1:
        return max(2 * u - 1, 0), max(2 * u - 1, 0)
    return 2 * ceil(u / k) - (u % k == 1), u


def expected_tokens(rates: Sequence[float]) -> float:
    r"""Return the mean number of tokens of a self-drafted round, :math:`2 + \sum_j \prod_i a_i`.

    Parameters
    ----------
    rates : sequence of float, shape (k' - 2,)
        Probabilities :math:`a_i` that drafts 2, …, k' - 1 are kept, given those before; whether
        draft k' is kept or replaced makes no difference.

    Returns
    -------
    float
        For equal rates a it is :math:`2 + a (1 - a^{k'-2})/(1 - a)`.

    Examples
    --------
    >>> expected_tokens([]), expected_tokens([0.2] * 3)
    (2.0, 2.248)
    """
    [rates] = checks.floats(rates=(rates, "n"))
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f"expected rates in [0, 1], got {rates.tolist()}")
    return round(2.0 + float(np.cumprod(rates).sum()), 12)


def order_joint(model: Model, x, order=None) -> dict[tuple[int, ...], float]:
    """Return the distribution of all completions that one order of the masks defines.

    Sequences of probability zero are left out. It takes one call of V^u rows; ValueError if there
    would be more than 100,000. ``model``, ``x`` and ``order`` are those of the module.

    >>> from paralg.decoding.tables import TabularJoint
    >>> order_joint(TabularJoint(np.array([[0.5, 0.0], [0.25, 0.25]])), [1, 2])
    {(1, 0): 0.5, (1, 1): 0.5}
    """
    x = tokens_of(checks.array("x", x, "i")[None], model.V, model.L)[0]
    order = lattice_order(x, model.V) if order is None else order
    streams = TwoStreams(CountingModel(model), x, order)
    order = streams.order
    if model.V ** len(order) > 100_000:
        raise ValueError(f"expected at most 100000 completions, got {model.V}^{len(order)}")
    rows = np.tile(x, (model.V ** len(order), 1))
    rows[:, order] = list(product(range(model.V), repeat=len(order)))
    at = np.sort(order)
    p = softmax(model.anyorder(rows, streams.rank, at=at)) if len(at) else np.ones((1, 0, 1))
    chosen = np.take_along_axis(p, rows[:, at, None], axis=2)[..., 0].prod(axis=1)
    return {tuple(row): float(one) for row, one in zip(rows.tolist(), chosen, strict=True) if one}


def order_spread(model: Model, x) -> float:
    """Return the largest total variation between the joints of two orders of at most six masks.

    It is zero for conditionals of one joint distribution; a network's are not, and
    [shih-2022-training] trains them towards it. ``model`` and ``x`` are those of the module; there
    are u! calls of V^u rows.

    >>> from paralg.decoding.tables import HashConditional
    >>> round(order_spread(HashConditional(2, 4, eps=1.0), [2] * 4), 4)
    0.7247
    """
    masked = lattice_order(x, model.V).tolist()
    if len(masked) > 6:
        raise ValueError(f"expected at most six masks, got {len(masked)}")
    joints = [order_joint(model, x, list(order)) for order in permutations(masked)]
    return max(total_variation(p, q) for p in joints for q in joints)


def independent_joint(p: Mapping[tuple[int, ...], float]) -> dict[tuple[int, ...], float]:
    """Return the product of the marginals of ``p``: what one independent step draws from.

    How far it is from p is the :func:`~paralg.decoding.tables.multi_information`.

    >>> independent_joint({(0, 0): 0.5, (1, 1): 0.5})
    {(0, 0): 0.25, (0, 1): 0.25, (1, 0): 0.25, (1, 1): 0.25}
    """
    checks.instance("p", p, Mapping)
    checks.probabilities("p", list(p.values()))
    marginals = []
    for i in range(len(next(iter(p)))):
        one: dict[int, float] = {}
        for y, mass in p.items():
            one[y[i]] = one.get(y[i], 0.0) + mass
        marginals.append(one)
    return {y: float(np.prod([one[v] for one, v in zip(marginals, y, strict=True)]))
            for y in product(*marginals)}  # fmt: skip

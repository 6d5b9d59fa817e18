"""How far a stale prediction reaches, and what that says about the number of forwards.

r(t) is the largest j for which the drafts y_1 … y_j made at s_t all lie on the trajectory.
FreeDave jumps from t to t + min(r(t), d); whether that is the fewest forwards is another question.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.decoding.freedave.drafting import draft
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.session import Session
from paralg.models.protocol import Model

__all__ = ["ForwardPlan", "fewest_forwards", "greedy_forwards", "greedy_rows", "landings",
           "one_block", "reach", "union_forwards"]  # fmt: skip


class ForwardPlan(NamedTuple):
    """A way through the trajectory.

    Model calls, the first one included; the state each verified set of drafts was made at; the
    state reached after each verification (a last step may be free).
    """

    forwards: int
    anchors: tuple[int, ...]
    progress: tuple[int, ...]


def one_block(model: Model, x, rule: UnmaskingRule | None) -> Session:
    """Return a session in which drafts end nowhere but at the end of the sequence."""
    checks.instance("rule", rule, UnmaskingRule, type(None))
    if rule and (rule.block or rule.cache or rule.eos):
        raise ValueError(f"expected a rule without blocks, cache and end tokens, got {rule}")
    return Session(model, x, rule)


def landings(model: Model, x, rule: UnmaskingRule | None = None) -> np.ndarray:
    """Say which drafts lie on the static trajectory s_0 … s_T; T calls of one row.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
    rule : UnmaskingRule, optional
        A deterministic rule without blocks, cache or end tokens: there drafts also end at borders.

    Returns
    -------
    ndarray of bool, shape (T, T + 1)
        ``[t, u]``: the draft of u - t steps made at s_t equals s_u.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> landings(HashConditional(4, 3, k=3, eps=1.0), [4] * 3).astype(int)
    array([[0, 1, 1, 0],
           [0, 0, 1, 1],
           [0, 0, 0, 1]])
    """
    run = one_block(model, x, rule)
    states, drafts = [run.x.copy()], []
    while run.next_block() is not None:
        [prediction] = run.forward(run.x[None])
        drafts.append(draft(run.steps, run.x, prediction, run.model.L).rows)
        run.commit(run.steps.step(run.x, prediction), prediction)
        states.append(run.x.copy())
    lands = np.zeros((len(drafts), len(states)), dtype=bool)
    for t, rows in enumerate(drafts):
        truth = np.stack(states[t + 1 :])
        m = min(len(rows), len(truth))
        lands[t, t + 1 : t + 1 + m] = (rows[:m] == truth[:m]).all(axis=1)
    return lands


def reach(model: Model, x, rule: UnmaskingRule | None = None) -> tuple[int, ...]:
    """Return r(0), …, r(T-1), 1 ≤ r(t) ≤ T - t, of ``model``, ``x``, ``rule`` as in `landings`.

    T calls of one row; the forwards of every draft length d can be counted from the result.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> reach(HashConditional(4, 12, k=28, eps=0.1), [4] * 12)
    (2, 2, 1, 1, 2, 6, 1, 2, 3, 3, 2, 1)
    """
    lands = landings(model, x, rule)
    return tuple(int(row[t + 1 :].cumprod().sum()) for t, row in enumerate(lands))


def greedy_forwards(r: Sequence[int], d: int) -> ForwardPlan:
    """Return the plan of FreeDave, always from the last state: reach ``r``, ``d`` draft steps.

    Examples
    --------
    >>> greedy_forwards([2, 2, 1, 1, 2, 6, 1, 2, 3, 3, 2, 1], d=4).progress
    (2, 3, 4, 6, 7, 9, 12)
    """
    T, t = _checked(r, d), 0
    anchors, progress = [], []
    while T - t > 1:
        anchors.append(t)
        t += min(r[t], d)
        progress.append(t)
    return ForwardPlan(min(T, 1) + len(progress), tuple(anchors), tuple(progress))


def greedy_rows(r: Sequence[int], d: int) -> int:
    """Return how many rows FreeDave sends: ``d`` a forward, fewer at the end of the reach ``r``.

    A draft that completes the sequence is not sent.

    Examples
    --------
    >>> greedy_rows([2, 2, 1, 1, 2, 6, 1, 2, 3, 3, 2, 1], d=4)
    27
    """
    T, r = _checked(r, d), list(r)
    sent = [min(d, T - a) - (d >= T - a) for a in greedy_forwards(r, d).anchors]
    return min(T, 1) + sum(sent)


def fewest_forwards(r: Sequence[int], d: int) -> ForwardPlan:
    """Return a shortest plan when drafts may start from *any* state whose prediction is known.

    Breadth-first search over the progress p, at most T·d edges: after reaching p the predictions
    at 0 … p are known, and drafting from a ≤ p leads to a + min(r(a), d).

    Examples
    --------
    >>> fewest_forwards([2, 2, 1, 1, 2, 6, 1, 2, 3, 3, 2, 1], d=4)
    ForwardPlan(forwards=7, anchors=(0, 2, 3, 4, 5, 9), progress=(2, 3, 4, 6, 9, 12))
    """
    T = _checked(r, d)
    if T < 2:
        return ForwardPlan(T, (), ())
    queue, found = deque([(0, (), ())]), {0}
    while queue:
        p, anchors, progress = queue.popleft()
        if T - p <= 1:
            return ForwardPlan(1 + len(progress), anchors, progress)
        for a in range(p, max(p - d, -1), -1):
            to = a + min(r[a], d)
            if to > p and to not in found:
                found.add(to)
                queue.append((to, (*anchors, a), (*progress, to)))
    raise AssertionError("unreachable: r(p) ≥ 1 always leads on")


def union_forwards(lands: np.ndarray, d: int) -> ForwardPlan:
    """Return the plan when the drafts of *all* known states are sent in every forward.

    The progress p grows as long as some known a has a draft of at most ``d`` steps that lands on
    the next state, by ``lands`` from :func:`landings`.  Anchors are left empty: all are used.
    No strategy that sends drafts of known states needs fewer forwards.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> union_forwards(landings(HashConditional(4, 12, k=28, eps=0.1), [4] * 12), d=4).forwards
    7
    """
    checks.integer("d", d, 1)
    lands = checks.array("lands", lands, "b")
    checks.sizes(lands=(lands, "T U"))
    T, p, progress = len(lands), 0, []
    if T and lands.shape[1] != T + 1:
        raise ValueError(f"lands must have the shape (T, T + 1), got {lands.shape}")
    while T - p > 1:
        known, to = range(max(p - d + 1, 0), p + 1), p + 1
        while to < T and any(lands[a, to + 1] for a in known if to + 1 - a <= d):
            to += 1
        p = to
        progress.append(p)
    return ForwardPlan(min(T, 1) + len(progress), (), tuple(progress))


def _checked(r: Sequence[int], d: int) -> int:
    """Return T after checking 1 ≤ r(t) ≤ T - t and d."""
    checks.integer("d", d, 1)
    checks.sizes(r=(checks.array("r", r, "i"), "T"))
    T = len(r)
    if any(not 1 <= value <= T - t for t, value in enumerate(r)):
        raise ValueError(f"expected 1 ≤ r(t) ≤ T - t, got {tuple(r)}")
    return T

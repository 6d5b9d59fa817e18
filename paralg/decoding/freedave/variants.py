"""Drafting from several known states at once: more rows, and the fewest forwards.

FreeDave drafts from the last accepted state.
The predictions at earlier accepted states are known as well, and one of them may reach farther.
Sending the drafts of all of them takes the guess out of the choice.
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.freedave.drafting import draft
from paralg.decoding.freedave.theory import one_block
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.session import Session
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["multi_anchor"]


def multi_anchor(model: Model, x, d: int = 4, rule: UnmaskingRule | None = None, *,
                 rows: int | None = None) -> Decoded:  # fmt: skip
    """Decode as :func:`~paralg.decoding.freedave.freedave` does, drafting from all known states.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
    d : int
        Draft steps of each anchor.
    rule : UnmaskingRule, optional
        A deterministic rule without blocks, cache or end tokens.
    rows : int, optional
        Row budget of a forward; drafts of recent anchors go first.

    Returns
    -------
    Decoded
        With the trace of static decoding; without a budget, in
        :func:`~paralg.decoding.freedave.theory.union_forwards` forwards.

    Raises
    ------
    ValueError
        If ``d`` or ``rows`` < 1, or the rule has blocks, a cache or end tokens.

    Cost
    ----
    At most d(d+1)/2 rows a forward: the anchor i steps back has d - i drafts left; equal drafts
    are sent once, and drafts that contradict the current state are dropped.

    Examples
    --------
    >>> from paralg.decoding.freedave.decoder import freedave
    >>> from paralg.decoding.tables import HashConditional
    >>> model, x = HashConditional(4, 12, k=28, eps=0.1), [4] * 12
    >>> one, many = freedave(model, x, 4), multi_anchor(model, x, 4)
    >>> one.trace == many.trace, one.forwards, many.forwards
    (True, 8, 7)
    """
    d, rows = checks.integer("d", d, 1), None if rows is None else checks.integer("rows", rows, 1)
    run = one_block(model, x, rule)
    if run.next_block() is None:
        return run.result()
    known = [(run.x.copy(), run.forward(run.x[None])[0])]
    while run.next_block() is not None:
        found = _drafts(run, known[-d:], d)[:rows]
        drafts = [y for y, *_ in found]
        sent = [y for y in drafts if (y == run.V).any()]
        looked = run.forward(np.stack(sent)) if sent else []
        chain = list(_follow(run, known, drafts, sent, looked))
        if sent:
            _note(run, found, {y.tobytes() for y, _ in chain})
        for row, (y, prediction) in enumerate(chain):
            state, basis = known[-1]
            run.commit(run.steps.step(state, basis), basis, row)
            known.append((y, prediction))
    return run.result()


def _drafts(run: Session, anchors, d: int) -> list[tuple]:
    """Return the distinct drafts that extend the current state, those of recent anchors first.

    Each with the positions of its last step, and the prediction that it was made from.
    """
    found: dict[bytes, tuple] = {}
    done = run.x != run.V
    for back, (state, prediction) in enumerate(reversed(anchors)):
        drafts = draft(run.steps, state, prediction, d)
        for y, step in zip(drafts.rows[back:], drafts.steps[back:], strict=True):
            if (y[done] == run.x[done]).all():
                found.setdefault(y.tobytes(), (y, step, prediction))
    return list(found.values())


def _note(run: Session, found: list[tuple], reached: set[bytes]) -> None:
    """Record the last step of every draft, and whether the draft lies on the trajectory."""
    for row, (y, step, prediction) in enumerate(found):
        verdict = "accepted" if y.tobytes() in reached else "rejected"
        for what in ("proposed", verdict):
            run.record.record(what, step, y[step], prediction.confidence[step], row)


def _follow(run: Session, known, drafts, sent, looked):
    """Yield the drafts that lie on the trajectory, in order, with what is known about them."""
    drafted = {y.tobytes(): None for y in drafts}
    drafted |= {y.tobytes(): p for y, p in zip(sent, looked, strict=True)}
    state, prediction = known[-1]
    while prediction is not None:
        state = prediction.after(state, run.steps.step(state, prediction))
        if state.tobytes() not in drafted:
            return
        prediction = drafted[state.tobytes()]
        yield state, prediction

"""FreeDave: draft d steps of static decoding from one forward, verify them in the next one.

[wu-2025-free]
"""

from math import ceil
from typing import Literal

import numpy as np

from paralg.core import checks
from paralg.decoding.freedave.drafting import Drafts, draft
from paralg.decoding.freedave.verification import AGREEMENTS, verify
from paralg.decoding.prediction import Prediction
from paralg.decoding.randomness import Random
from paralg.decoding.rule import UnmaskingRule, with_threshold
from paralg.decoding.session import Session
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Layout, Model

__all__ = ["freedave", "freedave_plus_plus"]


def freedave(
    model: Model, x, d: int = 4, rule: UnmaskingRule | None = None, *,
    layout: Layout = "rows", agreement: Literal["exact_match", "subset"] = "exact_match",
    eager: bool = False, rng: Random | None = None,
) -> Decoded:  # fmt: skip
    r"""Decode as static decoding would, in fewer forwards.

    From the predictions at :math:`s_t`, made by the previous verification, draft
    :math:`y_1, …, y_d`; send them in one call; with :math:`z_j = g(y_j)` move to :math:`y_b`,
    :math:`b = \max\{j : y_{i+1} = z_i \text{ for all } i < j\}`, whose predictions are known.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
        The prompt: given tokens, and the mask ``V`` where one is wanted.
    d : int
        Draft steps; 1 is static decoding.
    rule : UnmaskingRule, optional
        The static rule g that is reproduced: ``static(model, x, rule)`` has the same trace.
    layout : {"rows", "tree"}
        Drafts as rows of a batch, or side by side in one sequence (needs a cache).
    agreement : {"exact_match", "subset"}
        ``"subset"`` differs only together with a threshold, and is then not lossless.
    eager : bool
        Draft across block borders.  Without a cache this only saves forwards; with one it also
        adopts the *target* of the draft that completes a block, and is then not lossless,
        because the next block's cache is made at another state.
    rng : Random, optional
        Draw tokens.  The output *distribution* is that of static sampling with the same rule,
        because the draws of a row are kept when its prediction is used again.

    Returns
    -------
    Decoded

    Raises
    ------
    ValueError
        If ``d`` < 1, a name is unknown, or options exclude each other.

    Cost
    ----
    F calls with :math:`1 + \lceil (T-1)/d \rceil \le F \le T` (one block, deterministic rule),
    each of at most d rows.

    Notes
    -----
    ==================  =======================================
    paper               here
    ==================  =======================================
    draft_steps         ``d``
    token_per_step      ``rule.tokens``
    block_length        ``rule.block``
    batch_expanding     ``layout="rows"``
    tree_attention      ``layout="tree"``
    alg_temp 0 / -1     ``rule.order`` confidence / left-to-right
    ==================  =======================================

    References
    ----------
    [wu-2025-free]

    Examples
    --------
    >>> from paralg.decoding.baselines import static
    >>> from paralg.decoding.tables import HashConditional
    >>> model, x = HashConditional(4, 12, k=28, eps=0.1), [4] * 12
    >>> fast, slow = freedave(model, x, d=4), static(model, x)
    >>> fast.trace == slow.trace, fast.forwards, slow.forwards
    (True, 8, 12)
    """
    checks.integer("d", d, 1)
    checks.one_of("agreement", agreement, AGREEMENTS)
    checks.one_of("layout", layout, ("rows", "tree"))
    if eager and rule and rule.first:
        raise ValueError("eager drafts cross into blocks whose first position must come from a "
                         "fresh cache: expected eager=False with first=True")  # fmt: skip
    run, carried = Session(model, x, rule, rng, layout), None
    while (block := run.next_block()) is not None:
        last = _horizon(run, block, d) if eager else block
        prediction = run.enter(block, last, carried)
        carried = _decode_block(run, block, last, prediction, d, agreement)
    return run.result()


def freedave_plus_plus(model: Model, x, d: int = 4, tau: float = 0.95,
                       rule: UnmaskingRule | None = None, **options) -> Decoded:  # fmt: skip
    """FreeDave++: drafts on top of a threshold step, accepted when *contained* in the target.

    y_1 is a step of threshold decoding [wu-2025-fast], y_2, y_3, … add one position each, targets
    are threshold steps, as in the code of [wu-2025-free].
    Faster, but a strict subset of a threshold step may be accepted, so the threshold trajectory
    need not be reproduced; ``agreement="exact_match"`` would restore that guarantee.

    Parameters
    ----------
    model, x, d, rule, options
        As for :func:`freedave`.
    tau : float
        Confidence from which a position is committed at once; positive.

    Returns
    -------
    Decoded
        At most d rows a call; how many calls depends on the data.

    Examples
    --------
    >>> from paralg.decoding.baselines import threshold
    >>> from paralg.decoding.sudoku import Sudoku4
    >>> model, x = Sudoku4(), Sudoku4().puzzle(seed=0)
    >>> threshold(model, x, 0.9).forwards, freedave_plus_plus(model, x, 4, 0.9).forwards
    (7, 4)
    """
    options = {"agreement": "subset"} | options
    return freedave(model, x, d, with_threshold(rule, tau), **options)


def _horizon(run: Session, block: int, d: int) -> int:
    """Return the last block that eager drafts may reach: ⌈d / steps per block⌉ beyond this one."""
    size = int((run.steps.block_of == block).sum())
    steps_per_block = ceil(size / run.rule.quota(0))
    return min(block + ceil(d / steps_per_block), int(run.steps.block_of.max()))


def _decode_block(run: Session, block: int, last: int, prediction: Prediction | None, d: int,
                  agreement: str) -> Prediction | None:  # fmt: skip
    """Draft and verify until the block has no mask; return a prediction still good, if any."""
    until, fresh = last if run.rule.cache else int(run.steps.block_of.max()), True
    while prediction is not None and run.block_open(block):
        drafts = draft(run.steps, run.x, prediction, d, last, until=until, fresh=fresh)
        prediction = _advance(run, block, prediction, drafts, agreement, bonus=last > block)
        fresh = False
        if run.steps.finished(run.x) is not None:
            return None
    return None if run.rule.cache else prediction


def _advance(run: Session, block: int, stale: Prediction, drafts: Drafts, agreement: str,
             bonus: bool) -> Prediction | None:  # fmt: skip
    """Verify ``drafts`` in one forward, commit the accepted ones, return the new prediction."""
    if not drafts.sent:
        run.commit(drafts.steps[0], stale)
        return None
    sent = drafts.rows[: drafts.sent]
    new = run.forward(sent)
    steps = [run.steps.step(y, p) for y, p in zip(sent, new, strict=True)]
    targets = [p.after(y, step) for y, p, step in zip(sent, new, steps, strict=True)]
    chain = verify(drafts.rows, np.stack(targets), run.V, agreement)
    _note(run, drafts, stale, chain)
    run.commit(drafts.steps[0], stale)
    for b, j in zip(chain, chain[1:], strict=False):
        run.commit(steps[b][drafts.rows[j, steps[b]] != run.V], new[b], row=j)
    b = chain[-1]
    if b >= drafts.sent:
        return None
    if bonus and run.rule.cache and not run.block_open(block):
        run.commit(steps[b], new[b], row=b)
        return None
    return new[b]


def _note(run: Session, drafts: Drafts, stale: Prediction, chain) -> None:
    """Record what was proposed, and what became of it."""
    for j, positions in enumerate(drafts.steps):
        tokens, values = stale.tokens(positions), stale.confidence[positions]
        for what in ("proposed", "accepted" if j <= chain[-1] else "rejected"):
            run.record.record(what, positions, tokens, values, j)

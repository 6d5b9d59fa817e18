"""Static decoding, the sequential baseline: one model call for every step of the rule."""

from __future__ import annotations

from paralg.decoding.randomness import Random
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.session import Session
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["static", "static_run"]


def static(
    model: Model, x, rule: UnmaskingRule | None = None, *, rng: Random | None = None
) -> Decoded:
    r"""Decode by repeating: predict all masks, commit the best, predict again.

    :math:`s_{t+1} = g(s_t)` until no mask is left.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
        The prompt: given tokens, and the mask ``V`` where one is wanted.
    rule : UnmaskingRule, optional
        One token per step, highest confidence first, by default.
    rng : Random, optional
        Draw tokens from their distributions; by default the likeliest is taken.

    Returns
    -------
    Decoded

    Cost
    ----
    T calls of one row for T steps; with one token per step T is the number of masks.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> result = static(HashConditional(4, 6), [4, 4, 0, 4, 4, 4])
    >>> result.tokens, result.forwards
    (array([1, 3, 0, 1, 3, 2]), 5)
    """
    return static_run(Session(model, x, rule or UnmaskingRule(), rng))


def static_run(run: Session) -> Decoded:
    """Drive a session to its end, one call for every step.

    Parameters
    ----------
    run : Session
        Or a class derived from it that reads the logits in another way.

    Returns
    -------
    Decoded
    """
    while (block := run.next_block()) is not None:
        prediction, fresh = run.enter(block, block), True
        while True:
            run.commit(run.steps.step(run.x, prediction, fresh), prediction)
            if not run.block_open(block):
                break
            [prediction], fresh = run.forward(run.x[None]), False
    return run.result()

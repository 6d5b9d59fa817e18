"""Sequential decoders: one model call for every step.  Operands are those of the part."""

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import Random
from paralg.decoding.reading import Reader
from paralg.decoding.rule import UnmaskingRule, with_threshold
from paralg.decoding.session import Session
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import Model, tokens_of

__all__ = ["ancestral", "static", "static_run", "threshold"]


def static(
    model: Model, x, rule: UnmaskingRule | None = None, *, rng: Random | None = None
) -> Decoded:
    """Repeat: predict all masks, commit the best, predict again; s_{t+1} = g(s_t).

    Takes T calls of one row for T steps; with one token per step T is the number of masks.

    >>> from paralg.decoding.tables import HashConditional
    >>> result = static(HashConditional(4, 6), [4, 4, 0, 4, 4, 4])
    >>> result.tokens, result.forwards
    (array([1, 3, 0, 1, 3, 2]), 5)
    """
    return static_run(Session(model, x, rule, rng))


def static_run(run: Session) -> Decoded:
    """Drive a session, or one that reads the logits in another way, to its end."""
    checks.instance("run", run, Session)
    while (block := run.next_block()) is not None:
        prediction, fresh = run.enter(block, block), True
        while True:
            run.commit(run.steps.step(run.x, prediction, fresh), prediction)
            if not run.block_open(block):
                break
            [prediction], fresh = run.forward(run.x[None]), False
    return run.result()


def threshold(model: Model, x, tau: float = 0.95, rule: UnmaskingRule | None = None, *,
              rng: Random | None = None) -> Decoded:  # fmt: skip
    """Commit every masked position with a confidence of at least ``tau``, else the best one.

    Fast, and not lossless [wu-2025-fast]: the positions of a step are predicted without knowledge
    of each other, and nothing makes their *joint* distribution right.

    >>> from paralg.decoding.sudoku import Sudoku4
    >>> threshold(Sudoku4(), Sudoku4().puzzle(seed=0), tau=0.7).forwards
    7
    """
    return static(model, x, with_threshold(rule, tau), rng=rng)


def ancestral(model: Model, x, *, rng: Random, order=None, shape: LogitsHook | None = None,
              cache: bool = False) -> Decoded:  # fmt: skip
    """Sample masked positions one by one, by ``causal`` or, in an ``order``, by ``anyorder``.

    With a ``cache`` keys and values are kept, and a call computes one position.
    """
    model = CountingModel(model, shape)
    x = tokens_of(np.asarray(x)[None], model.V, model.L)[0].copy()
    record, read = Recorder(x, model.V), Reader(model, x, order, cache)
    for n, i in enumerate(read.order):
        [distribution] = read(x, n, n + 1)
        record.round(model.cost_since())
        x[i] = rng.categorical(distribution)
        record.record("committed", [i], [x[i]], [distribution[x[i]]])
        read.keep(n + 1)
    return Decoded(x, record.trace(), model.cost)

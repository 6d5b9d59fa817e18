r"""Decoding in rounds that double: sizes, the factors of EOSER, and the decoder.

[yang-2025-taming]  Round s reveals the :math:`2^s` best ranked positions, the last one the rest.
A *ranking* ``ranking(s, confidence, tokens)`` turns the confidences of the drawn tokens, arrays
(..., n), into scores; logits, and so the draws, stay as they are.
"""

from collections.abc import Callable, Sequence

import numpy as np

from paralg.core import checks
from paralg.core.checks import floats, integer, number
from paralg.decoding.baselines import static_run
from paralg.decoding.prediction import Prediction, predictions
from paralg.decoding.randomness import Random, softmax
from paralg.decoding.rule import UnmaskingRule, checked_sizes
from paralg.decoding.session import Session
from paralg.decoding.trace import Decoded
from paralg.models.counting import LogitsHook
from paralg.models.protocol import Model

__all__ = ["Eoser", "RankedSession", "ascending", "ascending_factors", "doubling", "linear_factors"]


def ascending(L: int) -> tuple[int, ...]:
    r"""Return the sizes of :math:`S = \lfloor \log_2 L \rfloor` rounds: 1, 2, 4, …, the rest.

    Parameters
    ----------
    L : int
        Positions to reveal, at least 1, else a ValueError; the last round takes more than half.

    Examples
    --------
    >>> ascending(16), ascending(37), ascending(3)
    ((1, 2, 4, 9), (1, 2, 4, 8, 22), (3,))
    """
    S = max(integer("L", L, least=1).bit_length() - 1, 1)
    return (*(2**s for s in range(S - 1)), L - 2 ** (S - 1) + 1)


def linear_factors(S: int, low: float = 0.4, high: float = 1.0) -> np.ndarray:
    r"""Return EOSER's :math:`\gamma_s = \gamma_{min} + (\gamma_{max} - \gamma_{min}) s/(S-1)`.

    Parameters
    ----------
    S : int
        Rounds, as many factors are returned.
    low, high : float
        First and last factor.

    Examples
    --------
    >>> linear_factors(4)
    array([0.4, 0.6, 0.8, 1. ])
    """
    return np.linspace(number("low", low, 0), number("high", high, 0), integer("S", S, 1))


def ascending_factors(S: int, low: float = 0.01, high: float = 1.0) -> np.ndarray:
    """Return EOSER's factors for doubling rounds: by the share (2^(s+1) - 1) / 2^S revealed.

    Parameters
    ----------
    S, low, high
        As for `linear_factors`; the last factor stays below ``high``.

    Examples
    --------
    >>> ascending_factors(3)
    array([0.13375, 0.38125, 0.87625])
    """
    low, high = number("low", low, 0), number("high", high, 0)
    return low + (high - low) * (2.0 ** (np.arange(integer("S", S, 1)) + 1) - 1) / 2**S


class Eoser:
    """EOS early rejection: in round s the confidence of a candidate ``eos`` counts times γ_s.

    Parameters
    ----------
    eos : int
        The end token.
    factors : sequence of float
        γ_0, γ_1, …; the last one repeats.

    Examples
    --------
    >>> Eoser(2, linear_factors(4))(1, np.array([0.5, 0.5]), np.array([0, 2]))
    array([0.5, 0.3])
    """

    def __init__(self, eos: int, factors: Sequence[float]):
        [self.factors] = floats(factors=(factors, "S"))
        self.eos, _ = integer("eos", eos), integer("the number of factors", len(self.factors), 1)

    def __call__(self, s, confidence, tokens):
        checks.sizes(confidence=(confidence, "f: ..."), tokens=(tokens, "i: ..."))
        factor = self.factors[min(s, len(self.factors) - 1)]
        return np.where(tokens == self.eos, factor * confidence, confidence)


class RankedSession(Session):
    """A session that draws at a temperature and ranks positions by its own scores.

    The confidence that is ranked is that of the drawn token at temperature 1; ``round`` counts the
    predictions over all blocks.
    """

    def __init__(self, model, x, rule, rng=None, *, ranking: Callable | None = None,
                 temperature: float = 1.0):  # fmt: skip
        super().__init__(model, x, rule, rng)
        self.ranking, self.round = ranking, 0
        checks.instance("ranking", ranking, Callable, type(None))
        self.temperature = number("temperature", temperature, above=0)

    def predict(self, rows: np.ndarray, logits: np.ndarray) -> list[Prediction]:
        """Rank the wanted positions of each row by the scores of their tokens."""
        found = predictions(rows, self.at, logits / self.temperature, self.rule, self.steps.keys,
                            self.V, self.rng)  # fmt: skip
        for one, distribution in zip(found, softmax(logits), strict=True):
            place = np.flatnonzero(np.isfinite(one.confidence[self.at]))
            wanted = self.at[place]
            tokens = one.tokens(wanted)
            sure = distribution[place, tokens]
            scores = sure if self.ranking is None else self.ranking(self.round, sure, tokens)
            one.confidence[wanted] = scores.round(self.rule.digits)
        self.round += 1
        return found


def doubling(
    model: Model, x, sizes: Sequence[int] | None = None, block: Sequence[int] | None = None, *,
    ranking: Callable | None = None, rng: Random | None = None, temperature: float = 1.0,
    shape: LogitsHook | None = None, session: type[RankedSession] = RankedSession,
) -> Decoded:  # fmt: skip
    r"""Decode n masks in :math:`\lfloor \log_2 n \rfloor` rounds that double.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
        The prompt: given tokens, and the mask ``V`` where one is wanted.
    sizes : sequence of int, optional
        Rounds; by default ``ascending(n)``.
    block : sequence of int, optional
        Lengths of blocks that are finished one after the other, see `variants.blocks`.
    ranking : callable, optional
        An `Eoser`, `variants.AtRandom`, or another; by default the confidence itself.
    rng : Random, optional
        Draw tokens instead of taking the likeliest, which is temperature 0 in the paper.
    temperature : float
        Of the draws.  The confidence is taken at temperature 1, unlike with a hook ``shape``.
    shape : callable, optional
        Hook on the logits, as `paralg.decoding.shaping.Guidance`, whose scale is the paper's w + 1.
    session : type
        Another `RankedSession`, as one of `variants`.

    Returns
    -------
    Decoded
        One call of one row for each round; a ValueError if the sizes do not sum to n.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> result = doubling(HashConditional(4, 16, eps=0.1), [4] * 16)
    >>> result.forwards, result.trace.committed
    (4, array([1, 2, 4, 9]))
    """
    n = int((np.asarray(x) == model.V).sum())
    sizes = checked_sizes(ascending(max(n, 1)) if sizes is None else sizes, max(n, 1), max(n, 1))
    if number("temperature", temperature, above=0) != 1 and rng is None:
        raise ValueError(f"expected an rng with a temperature other than 1, got {temperature}")
    rule = UnmaskingRule(tokens=sizes, block=block and tuple(block), shape=shape,
                         confidence="maximum" if rng is None else "sampled")  # fmt: skip
    return static_run(session(model, x, rule, rng, ranking=ranking, temperature=temperature))

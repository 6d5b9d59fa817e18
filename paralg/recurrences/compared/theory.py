"""What the five mixers need, as counts: state kept, work of the next token, span of training."""

from dataclasses import dataclass
from math import ceil, log2

from paralg.core import checks

__all__ = ["NAMES", "MixerNeeds", "MixerSizes", "needs"]

NAMES = {"softmax": "softmax attention", "lla": "local linear attention", "aaren": "Aaren",
         "mamba": "Mamba", "gru": "GRU"}  # fmt: skip


@dataclass(frozen=True)
class MixerSizes:
    """Sizes of a mixer; the defaults are those of the comparison.

    ``iterations`` are those of conjugate gradients in local linear attention: by default as many as
    a head has unknowns, which suffice in exact arithmetic; the solver stops when it has converged.
    """

    width: int = 64
    heads: int = 4
    states: int = 16
    expand: int = 2
    window: int = 4
    rank: int = 4
    iterations: int = 16

    def __post_init__(self):
        for name, value in vars(self).items():
            checks.integer(name, value, name != "iterations")
        if self.width % self.heads:
            raise ValueError(f"heads must divide width, got {self.heads} and {self.width}")


@dataclass(frozen=True)
class MixerNeeds:
    """Counts of one layer after n tokens.

    ``state`` are the numbers kept between two tokens, ``work`` the multiply-adds of the next token,
    projections included, and ``span`` the dependent steps in which n tokens are mixed in training,
    with as many workers as wanted: levels of the trees over tokens (a scan goes up and down, as
    Brent and Kung's does; an iteration of a solver also adds over its unknowns), or tokens where
    steps do not compose.
    """

    state: int
    work: int
    span: int


def needs(mixer: str, n: int, sizes: MixerSizes | None = None) -> MixerNeeds:
    """Return what one layer keeps and does after n tokens.

    Parameters
    ----------
    mixer : str
        A key of ``MIXERS``, else ValueError.
    n : int
        Tokens read, at least 1, else ValueError.
    sizes : MixerSizes, optional
        Those of the comparison by default.

    Examples
    --------
    >>> needs("softmax", 1000).state, needs("aaren", 1000).state
    (128000, 72)
    >>> needs("gru", 1000).span, needs("mamba", 1000).span
    (1000, 20)
    """
    checks.one_of("mixer", mixer, _COUNTS)
    checks.integer("n", n, 1)
    checks.instance("sizes", sizes, MixerSizes, type(None))
    return _COUNTS[mixer](n, ceil(log2(n)) if n > 1 else 0, sizes or MixerSizes())


def _softmax(n: int, levels: int, s: MixerSizes) -> MixerNeeds:
    w = s.width
    return MixerNeeds(2 * n * w, 4 * w * w + 2 * n * w, levels)


def _lla(n: int, levels: int, s: MixerSizes) -> MixerNeeds:
    """Logits, first moments, two passes an iteration, weights of the line, and the sum."""
    w, d = s.width, s.width // s.heads
    passes = 4 + 2 * s.iterations
    inner = ceil(log2(d)) if d > 1 else 0
    return MixerNeeds(2 * n * w, 4 * w * w + passes * n * w, s.iterations * (levels + inner))


def _aaren(n: int, levels: int, s: MixerSizes) -> MixerNeeds:
    """Scores from one folded vector a head, values, the update, and the output."""
    w = s.width
    return MixerNeeds(2 * s.heads + w, 2 * w * w + s.heads * w + 3 * w, 2 * levels)


def _mamba(n: int, levels: int, s: MixerSizes) -> MixerNeeds:
    w, inner = s.width, s.expand * s.width
    projections = 2 * inner * w + inner * (s.rank + 2 * s.states) + s.rank * inner + inner * w
    scan = inner * (s.window + 4 * s.states + 3)
    return MixerNeeds(inner * (s.states + s.window - 1), projections + scan, 2 * levels)


def _gru(n: int, levels: int, s: MixerSizes) -> MixerNeeds:
    w = s.width
    return MixerNeeds(w, 7 * w * w + 4 * w, n)


_COUNTS = {"softmax": _softmax, "lla": _lla, "aaren": _aaren, "mamba": _mamba, "gru": _gru}

"""The sizes of a Mamba language model in one frozen object."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

__all__ = ["MambaConfig"]

_SIZES = ("d_model", "n_layer", "vocab_size", "d_state", "d_conv", "expand", "pad_vocab")


@dataclass(frozen=True)
class MambaConfig:
    """Sizes; the defaults are those of the released code.

    Parameters
    ----------
    d_model, n_layer, vocab_size : int
        Width of the residual stream; blocks; tokens.
    d_state, d_conv, expand : int
        States N of each channel; width of the causal convolution; channels over ``d_model``.
    dt_rank : int or None
        Rank of the projection to step sizes; ⌈d_model / 16⌉ by default.
    dt_min, dt_max, dt_init_floor : float
        Range of the first step sizes, drawn log-uniformly, and their floor.
    method : str
        How the scan is computed; see `selective_scan`.
    pad_vocab, epsilon : int, float
        Rows of the embedding are a multiple of the one; the other is that of the norms.

    Raises
    ------
    ValueError
        A size below 1, or step sizes out of order.

    References
    ----------
    [gu-2023-mamba], section 3.4 and appendix E.

    Examples
    --------
    >>> config = MambaConfig(d_model=48, vocab_size=27)
    >>> config.d_inner, config.rank, config.padded_vocab
    (96, 3, 32)
    """

    d_model: int = 32
    n_layer: int = 2
    vocab_size: int = 16
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2
    dt_rank: int | None = None
    dt_min: float = 1e-3
    dt_max: float = 0.1
    dt_init_floor: float = 1e-4
    method: str = "auto"
    pad_vocab: int = 8
    epsilon: float = 1e-5

    def __post_init__(self):
        for name in _SIZES:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.dt_rank is not None and self.dt_rank < 1:
            raise ValueError(f"dt_rank must be at least 1, or None, got {self.dt_rank}")
        if not 0 < self.dt_min <= self.dt_max:
            got = f"{self.dt_min} and {self.dt_max}"
            raise ValueError(f"expected 0 < dt_min <= dt_max, got {got}")

    d_inner = property(lambda self: self.expand * self.d_model, doc="Channels of the scan.")

    @property
    def rank(self) -> int:
        """Rank of the projection to step sizes."""
        return ceil(self.d_model / 16) if self.dt_rank is None else self.dt_rank

    @property
    def padded_vocab(self) -> int:
        """Rows of the embedding, a multiple of ``pad_vocab``."""
        return ceil(self.vocab_size / self.pad_vocab) * self.pad_vocab

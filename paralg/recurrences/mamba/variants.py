r"""Other choices of the paper, each a few steps over `MambaBlock`, and all of them by switches.

What is not selective has a parameter of its own in place of a share of ``x_proj``: ``dt_bias``,
``B``, ``C``. Complex rates stand for conjugate pairs, of which one is kept: the output is
:math:`2 \operatorname{Re}(C h)`.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from paralg.core import checks
from paralg.recurrences.mamba.block import (
    BlockState,
    MambaBlock,
    MambaConfig,
    first_step_bias,
    undecayed,
)
from paralg.recurrences.mamba.model import MambaLM

__all__ = [
    "ComplexBlock", "ExactHoldBlock", "H3Block", "PartlySelectiveBlock", "SELECTABLE",
    "UngatedBlock", "VariantConfig", "VariantLM", "variant_block",
]  # fmt: skip

SELECTABLE = ("delta", "B", "C")


class UngatedBlock(MambaBlock):
    """There is no z."""

    branches = 1

    def enter(self, x, others):
        """Return the scan's input, and no gate."""
        return x, None


class H3Block(MambaBlock):
    """Key, value, query: the scan runs over conv(k) v, and q multiplies its output."""

    branches = 3

    def enter(self, x, others):
        """Return conv(k) v, and no gate."""
        return x * others[0], None

    def leave(self, y, others):
        """Let the query multiply what the scan read."""
        return others[1] * y


class ExactHoldBlock(MambaBlock):
    """B becomes discrete by the exact hold, as A does."""

    discretisation = "zoh"


class ComplexBlock(MambaBlock):
    r"""A, B and C are complex; rates begin at :math:`-1/2 + i \pi n`."""

    vector_size = property(lambda self: 2 * self.config.d_state)

    @property
    def A(self) -> Tensor:
        """Decay rates, shape (d_inner, d_state)."""
        return torch.complex(-torch.exp(self.A_log), self.A_imaginary)

    def make_rates(self) -> None:
        """Start from S4D-Lin."""
        inner, n = self.config.d_inner, torch.arange(self.config.d_state, dtype=torch.float32)
        self.A_log = undecayed(torch.full((inner, len(n)), math.log(0.5)))
        self.A_imaginary = undecayed((math.pi * n).repeat(inner, 1))

    def select(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Read pairs of real numbers as complex ones."""
        delta, *pairs = super().select(x)
        return delta, *(torch.view_as_complex(p.unflatten(-1, (-1, 2)).contiguous()) for p in pairs)

    def begin(self, batch: int) -> BlockState:
        """Return the state before the first token: all zeros."""
        window, h = super().begin(batch)
        return BlockState(window, h.to(torch.promote_types(torch.complex64, h.dtype)))


class PartlySelectiveBlock(MambaBlock):
    """Only what ``config.selective`` names depends on the token; with none the model is LTI."""

    def shares(self) -> dict[str, int]:
        """Return the rows of ``x_proj`` that belong to each selective part."""
        sizes = dict(delta=self.config.rank, B=self.vector_size, C=self.vector_size)
        return {name: size for name, size in sizes.items() if name in self.config.selective}

    def make_selection(self) -> None:
        """Make the maps from a token, or constants in their place."""
        shares = self.shares()
        if shares:
            self.x_proj = nn.Linear(self.config.d_inner, sum(shares.values()), bias=False)
        if "delta" in shares:
            self.make_steps()
        else:
            self.dt_bias = undecayed(first_step_bias(self.config))
        if "B" not in shares:
            self.B = undecayed(torch.ones(self.vector_size))
        if "C" not in shares:
            self.C = undecayed(torch.randn(self.vector_size))

    step_bias = property(
        lambda self: self.dt_proj.bias if "delta" in self.config.selective else self.dt_bias
    )

    def select(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return step size (before bias and softplus), B and C of every token."""
        shares = self.shares()
        rows = self.x_proj(x).split(list(shares.values()), dim=-1) if shares else ()
        chosen = dict(zip(shares, rows, strict=True))
        delta = torch.zeros_like(x)
        if "delta" in chosen:
            delta = linear(chosen["delta"], self.dt_proj.weight)
        both = (chosen.get(name, getattr(self, name, None)) for name in "BC")
        return delta, *(part.expand(*x.shape[:-1], self.vector_size) for part in both)


SWITCHES = {
    "architecture": {"mamba": None, "ungated": UngatedBlock, "h3": H3Block},
    "discretisation": {"euler": None, "zoh": ExactHoldBlock},
}


@dataclass(frozen=True)
class VariantConfig(MambaConfig):
    """Sizes and switches; by default all is as in the released code.

    Parameters
    ----------
    selective : tuple of str
        Which of "delta", "B", "C" depend on the token; none of them gives an LTI model.
    complex_states : bool
        Whether A, B, C are complex (N conjugate pairs).
    discretisation : {"euler", "zoh"}
        How B becomes discrete.
    architecture : {"mamba", "ungated", "h3"}
        A gated branch beside convolution and scan; none; or an attention-like q (scan of k v).

    Refuses what `MambaConfig` does, and unknown switches. Source: [gu-2023-mamba], sections 3.6
    and 4.6.

    Examples
    --------
    >>> config = VariantConfig(architecture="h3", selective=())
    >>> [one.__name__ for one in variant_block(config).__mro__[1:3]]
    ['H3Block', 'PartlySelectiveBlock']
    """

    selective: tuple[str, ...] = SELECTABLE
    complex_states: bool = False
    discretisation: str = "euler"
    architecture: str = "mamba"

    def __post_init__(self):
        super().__post_init__()
        checks.instance("selective", self.selective, tuple, list)
        object.__setattr__(self, "selective", tuple(self.selective))
        for part in self.selective:
            checks.one_of("each of selective", part, SELECTABLE)
        checks.instance("complex_states", self.complex_states, bool)
        for name, known in SWITCHES.items():
            checks.one_of(name, getattr(self, name), known)


def variant_block(config: VariantConfig) -> type[MambaBlock]:
    """Return the class of block that a config's switches ask for, `MambaBlock` for none."""
    checks.instance("config", config, VariantConfig)
    form, hold = (known[getattr(config, name)] for name, known in SWITCHES.items())
    rates = ComplexBlock if config.complex_states else None
    some = PartlySelectiveBlock if set(config.selective) != set(SELECTABLE) else None
    bases = tuple(part for part in (form, rates, hold, some) if part is not None)
    return type("Variant", bases, {}) if bases else MambaBlock


class VariantLM(MambaLM):
    """A Mamba language model with switches.

    Parameters
    ----------
    config : VariantConfig
    seed : int
        Of the initial weights.

    Examples
    --------
    >>> VariantLM(VariantConfig(architecture="ungated")).backbone.layers[0].mixer.branches
    1
    """

    def make_block(self) -> MambaBlock:
        """Return a fresh block."""
        return variant_block(self.config)(self.config)

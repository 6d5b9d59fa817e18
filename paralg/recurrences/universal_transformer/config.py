"""All choices of a Universal Transformer [dehghani-2019-universal] in one frozen object."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACT", "UTConfig"]

_CHOICES = {
    "norm": ("post", "pre"),
    "transition": ("fc", "sepconv"),
    "recurrence": ("basic", "highway", "skip", "depth", "gru", "lstm"),
    "position": ("sinusoid", "none"),
    "step_signal": ("sinusoid", "learned", "none"),
    "combine": ("add", "concat"),
    "layout": ("interleaved", "split"),
    "position_start": ("zero", "random", "step"),
    "signal_at": ("every", "first"),
    "halting": (None, "position", "global", "random", "settled"),
    "output": ("blend", "accumulated", "released"),
}

ACT = {
    "basic": {"halting": "position", "output": "blend"},
    "accumulated": {"halting": "position", "output": "accumulated"},
    "global": {"halting": "global", "output": "blend"},
    "random": {"halting": "random", "output": "blend"},
}
"""The released code's names of halting variants, as switches of :class:`UTConfig`, with the update
as its comments describe it; ``output="released"`` is what three of the four compute."""


@dataclass(frozen=True)
class UTConfig:
    """Sizes and switches; a name in brackets is that of the released code.

    Parameters
    ----------
    d_model, heads, d_ff : int
        Width of a state, attention heads, width inside the transition.
    steps : int
        Applications of the block; with halting, the most that a position may take.
    norm : {"post", "pre"}
        Layer norm after each residual sum (the paper) or before each sublayer (released code),
        with one more norm at the end.
    transition : {"fc", "sepconv"}
        Two linear maps with a ReLU between, or two depthwise-separable convolutions.
    recurrence : {"basic", "highway", "skip", "depth", "gru", "lstm"}
        How a step makes the new state from the old one; see :class:`Recurrence`.
    layers_inside : int
        Blocks of their own inside one step.
    before, after : int
        Ordinary layers mixed in before and after the recurrence.
    position, step_signal : str
        Coordinate signal of the place (sinusoid or none) and of the step (sinusoid, learned, none).
    extend : bool
        Whether a learned step table gives its last row to steps beyond its end, instead of an
        error.
    combine : {"add", "concat"}
        Whether the signal is added, or set beside the state and projected back.
    layout : {"interleaved", "split"}
        Sines and cosines in turn (the paper), or all sines first (released code); see
        :func:`sinusoid`.
    position_start : {"zero", "random", "step"}
        First position index: 0; drawn anew at every step and by each stack, in training; or moved
        on with the step.  The released code draws outside training as well.
    signal_at : {"every", "first"}
        Whether the signal enters before every step (the paper) or before the first one only, as in
        a transformer whose layers are tied.
    halting : {None, "position", "global", "random", "settled"}
        Fixed number of steps; a halting unit for each position; its mean over positions; a uniform
        number; or, ours, halt when a state changes by less than ``tau``.
    output : {"blend", "accumulated", "released"}
        Running blend w s + (1 - w) y; sum y + w s, Graves' rule; or y + w s - w, which is what the
        released code computes.
    freeze : bool
        Whether a halted position's state stands still. In the released code it does not.
    close : bool
        Whether the last permitted step gets all that is left of the halting mass.
    epsilon : float
        A position halts when its mass exceeds 1 - epsilon.
    halting_bias : float
        First bias of the halting unit.
    tau : float
        Root-mean-square change below which ``halting="settled"`` stops.
    gates : str
        What the gates of highway and skip read: letters of "s" state, "t" transformed, "i" input.
    dropout : float
        On both residual branches.

    Raises
    ------
    ValueError
        A size below its least, heads that do not divide the width, an odd width with a sinusoid,
        or an unknown choice.

    Examples
    --------
    >>> config = UTConfig(d_model=64, heads=4, d_ff=128, **ACT["accumulated"])
    >>> config.halting, config.output, config.steps
    ('position', 'accumulated', 6)
    """

    d_model: int = 32
    heads: int = 4
    d_ff: int = 64
    steps: int = 6
    norm: str = "post"
    transition: str = "fc"
    recurrence: str = "basic"
    layers_inside: int = 1
    before: int = 0
    after: int = 0
    position: str = "sinusoid"
    step_signal: str = "sinusoid"
    extend: bool = False
    combine: str = "add"
    layout: str = "interleaved"
    position_start: str = "zero"
    signal_at: str = "every"
    halting: str | None = None
    output: str = "blend"
    freeze: bool = False
    close: bool = False
    epsilon: float = 0.01
    halting_bias: float = 1.0
    tau: float = 1e-2
    gates: str = "i"
    dropout: float = 0.0

    def __post_init__(self):
        self._check_sizes()
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        if not set(self.gates) <= set("sti") or not self.gates:
            raise ValueError(f"gates must be letters of 's', 't', 'i', got {self.gates!r}")
        if self.recurrence in ("gru", "lstm") and self.layers_inside != 1:
            got = f"layers_inside={self.layers_inside}"
            raise ValueError(f"a cell takes one block a step, got {got}")
        if not 0 < self.epsilon < 1:
            raise ValueError(f"epsilon must lie between 0 and 1, got {self.epsilon}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")

    def _check_sizes(self) -> None:
        least = {"d_model": 1, "heads": 1, "d_ff": 1, "steps": 0, "layers_inside": 1,
                 "before": 0, "after": 0}  # fmt: skip
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(f"{name} must be at least {bound}, got {getattr(self, name)}")
        if self.d_model % self.heads:
            raise ValueError(
                f"heads must divide d_model, got {self.heads} heads for width {self.d_model}"
            )
        if self.d_model % 2 and "sinusoid" in (self.position, self.step_signal):
            raise ValueError(f"a sinusoid needs an even d_model, got {self.d_model}")

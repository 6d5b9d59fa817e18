"""Switches of the released code and of ours, as subclasses of the plain parts, and the plain stack.

`UTConfig` names them all; `Recurrence` is the plain recurrence with the parts that a configuration
names, and `PlainStack` what it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.block import TransitionFunction, UTBlock
from paralg.recurrences.universal_transformer.halting import HaltingUnit, blend
from paralg.recurrences.universal_transformer.recurrence import OPTIONS, DepthRecurrence, UTRun
from paralg.recurrences.universal_transformer.signals import CoordinateSignal
from paralg.sequence import sinusoidal

__all__ = [
    "ACT", "PlainStack", "PreNormBlock", "Recurrence", "SeparableConvolution", "StepUpdate",
    "UTConfig", "VariedHalting", "VariedSignal", "change_of", "mix",
]  # fmt: skip

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
_LEAST = {"d_model": 1, "heads": 1, "d_ff": 1, "steps": 0, "layers_inside": 1, "before": 0,
          "after": 0}  # fmt: skip

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
    """Sizes and switches of a Universal Transformer [dehghani-2019-universal].

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
        How a step makes the new state from the old one; see `StepUpdate`.
    layers_inside : int
        Blocks of their own inside one step.
    before, after : int
        Ordinary layers mixed in before and after the recurrence.
    position, step_signal : str
        Signal of the position (sinusoid or none) and of the step (sinusoid, learned, none).
    extend : bool
        Whether a learned step table gives its last row to steps beyond its end, instead of an
        error.
    combine : {"add", "concat"}
        Whether the signal is added, or set beside the state and projected back.
    layout : {"interleaved", "split"}
        Sines and cosines in turn (the paper), or all sines first (released code).
    position_start : {"zero", "random", "step"}
        First position id: 0; drawn anew at every step and by each stack, in training; or moved on
        with the step.  The released code draws outside training as well.
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
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        d, inside = self.d_model, self.layers_inside
        if d % self.heads:
            raise ValueError(f"heads must divide d_model, got {self.heads} heads for width {d}")
        if d % 2 and "sinusoid" in (self.position, self.step_signal):
            raise ValueError(f"a sinusoid needs an even d_model, got {d}")
        if not set(self.gates) <= set("sti") or not self.gates:
            raise ValueError(f"gates must be letters of 's', 't', 'i', got {self.gates!r}")
        if self.recurrence in ("gru", "lstm") and inside != 1:
            raise ValueError(f"a cell takes one block a step, got layers_inside={inside}")
        if not 0 < self.epsilon < 1:
            raise ValueError(f"epsilon must lie between 0 and 1, got {self.epsilon}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")


class VariedSignal(CoordinateSignal):
    """Learned steps, signals beside the state, at the first step only, from other positions.

    With ``combine="concat"`` the three parts of width d are projected back to d without bias.
    """

    def __init__(self, config: UTConfig):
        super().__init__(config.d_model)
        self.config, d = config, config.d_model
        if config.step_signal == "learned":
            self.table = nn.Parameter(torch.randn(config.steps, d) * d**-0.5)
        if config.combine == "concat":
            parts = 1 + (config.position != "none") + (config.step_signal != "none")
            self.project = nn.Linear(parts * d, d, bias=False)

    def forward(self, x: Tensor, position_ids: Tensor, step: int) -> Tensor:
        """Return the states with their signal."""
        if step > 1 and self.config.signal_at == "first":
            return x
        signals = self._signals(position_ids, step)
        if self.config.combine == "concat":
            wide = [signal.to(x.dtype).expand(x.shape) for signal in signals]
            return self.project(torch.cat([x, *wide], dim=-1))
        for signal in signals:
            x = x + signal.to(x.dtype)
        return x

    def _signals(self, position_ids: Tensor, step: int) -> list[Tensor]:
        config = self.config
        waves = partial(sinusoidal, width=config.d_model, layout=config.layout)
        found = [waves(position_ids)] if config.position != "none" else []
        if config.step_signal == "sinusoid":
            found.append(waves(float(step)))
        elif config.step_signal == "learned":
            found.append(self._row(step))
        return found

    def _row(self, step: int) -> Tensor:
        known = len(self.table)
        if step > known and not (self.config.extend and known):
            raise ValueError(
                f"the learned step table has {known} rows, got step {step}; "
                "use step_signal='sinusoid' or extend=True"
            )
        return self.table[min(step, known) - 1]

    def first_position(self, n: int, step: int, generator: torch.Generator | None = None) -> int:
        """Return the released ``position_start_index``."""
        start = self.config.position_start
        if start == "random" and self.training:
            return int(torch.randint(max(n, 1), (), generator=generator))
        return n * (step - 1) // max(self.config.steps, 1) if start == "step" else 0


class PreNormBlock(UTBlock):
    r"""The block of the released code: :math:`A = X + \text{MHSA}(\text{Norm}(X))` and so on."""

    def entry(self, x: Tensor, norm: int) -> Tensor:
        """Return states as a sublayer reads them: normed."""
        return self.norms[norm](x)

    def close(self, x: Tensor, branch: Tensor, norm: int) -> Tensor:
        """Return the residual sum."""
        return x + self.dropout(branch)


class SeparableConvolution(nn.Module):
    """A transition of two depthwise-separable convolutions, windows 3 and 5, a ReLU between.

    Parameters
    ----------
    config : UTConfig
    causal : bool
        Whether the windows end at the position instead of being centred on it.
    """

    KERNELS = (3, 5)  # as in the released code

    def __init__(self, config: UTConfig, causal: bool = False):
        super().__init__()
        d, wide = config.d_model, config.d_ff
        self.causal = causal
        self.window = nn.ModuleList(
            nn.Conv1d(c, c, k, groups=c, bias=False)
            for c, k in zip((d, wide), self.KERNELS, strict=True)
        )
        self.mix = nn.ModuleList([nn.Linear(d, wide), nn.Linear(wide, d)])

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return the transition, shape (b, n, d); padding counts as zeros in the windows."""
        return self._convolve(self._convolve(x, padding_mask, 0).relu(), padding_mask, 1)

    def _convolve(self, x: Tensor, padding_mask: Tensor | None, which: int) -> Tensor:
        if padding_mask is not None:
            x = x * padding_mask[..., None]
        k = self.KERNELS[which]
        sides = (k - 1, 0) if self.causal else (k // 2, k // 2)
        x = x.transpose(1, 2)
        if x.shape[-1]:  # torch convolves nothing empty
            x = self.window[which](nn.functional.pad(x, sides))
        return self.mix[which](x.transpose(1, 2))


class StepUpdate(nn.Module):
    """The rule around the block, by ``config.recurrence``."""

    def __init__(self, config: UTConfig):
        super().__init__()
        self.config, d = config, config.d_model
        self.cell = None
        if config.recurrence in ("highway", "skip"):
            self.gate = nn.Linear(len(config.gates) * d, d)
            nn.init.constant_(self.gate.bias, -1.0)  # begin by carrying
        elif config.recurrence == "depth":
            self.score = nn.Linear(d, 1)
        elif config.recurrence in ("gru", "lstm"):
            self.cell = (nn.GRUCell if config.recurrence == "gru" else nn.LSTMCell)(d, d)

    def start(self, x: Tensor):
        """Return what is remembered besides the state before the first step."""
        if self.config.recurrence == "depth":
            return (x,)
        return torch.zeros_like(x) if self.config.recurrence == "lstm" else None

    def enter(self, state: Tensor, memory) -> Tensor:
        """Return what the step begins with: the state, or a mixture of all states so far."""
        if self.config.recurrence != "depth":
            return state
        past = torch.stack(memory)
        return (self.score(past).softmax(dim=0) * past).sum(dim=0)

    def leave(self, new: Tensor, old: Tensor, x: Tensor) -> Tensor:
        """Return the gated mixture of the transformed state with the old one or the input."""
        if self.config.recurrence not in ("highway", "skip"):
            return new
        parts = {"s": old, "t": new, "i": x}
        g = self.gate(torch.cat([parts[name] for name in self.config.gates], dim=-1)).sigmoid()
        return g * new + (1 - g) * (old if self.config.recurrence == "highway" else x)

    def cell_step(self, a: Tensor, state: Tensor, memory) -> tuple[Tensor, Tensor | None]:
        """Return state and memory after the cell, each of the states' shape."""
        flat, old = a.flatten(0, 1), state.flatten(0, 1)
        if self.config.recurrence == "gru":
            return self.cell(flat, old).view_as(state), memory
        new, kept = self.cell(flat, (old, memory.flatten(0, 1)))
        return new.view_as(state), kept.view_as(state)

    def remember(self, state: Tensor, kept, before, moves: Tensor | None):
        """Return the memory after a step; positions that do not move keep their LSTM memory."""
        if self.config.recurrence == "depth":
            return (*kept, state)
        if self.config.recurrence == "lstm" and moves is not None:
            return torch.where(moves[..., None], kept, before)
        return kept


class VariedHalting(HaltingUnit):
    """Halting by the mean over a sequence, by a random number, or once a state has settled."""

    def __init__(self, config: UTConfig):
        self.learned = config.halting in ("position", "global")
        if self.learned:
            super().__init__(config.d_model, config.halting_bias)
        else:
            nn.Module.__init__(self)
        self.config = config

    def logits(self, x: Tensor) -> Tensor:
        """Return the unit's value before the sigmoid; zeros where there is no unit."""
        return super().logits(x) if self.learned else torch.zeros(x.shape[:-1])

    def forward(self, x: Tensor, group: Tensor, change=None, noise=None) -> Tensor:
        """Return p of m states; `change` and `noise` of shape (m,) are for settled and random."""
        rule = self.config.halting
        if rule == "random":
            return noise
        if rule == "settled":
            return x.new_zeros(len(x)) if change is None else (change < self.config.tau).to(x.dtype)
        p = self.logits(x).sigmoid()
        return p if rule == "position" else _mean_of_group(p, group)


def _mean_of_group(p: Tensor, group: Tensor) -> Tensor:
    """Give every position the mean over its sequence."""
    size = int(group.max()) + 1 if len(group) else 0
    total = p.new_zeros(size).index_add(0, group, p)
    count = p.new_zeros(size).index_add(0, group, torch.ones_like(p))
    return (total / count.clamp(min=1))[group]


def mix(output: Tensor, state: Tensor, w: Tensor, rule: str) -> Tensor:
    """Return the output after a step: blend, Graves' sum, or the released code's expression.

    Parameters
    ----------
    output, state : Tensor, shape (..., d)
    w : Tensor, shape (...)
    rule : {"blend", "accumulated", "released"}

    Examples
    --------
    >>> y, s, w = torch.zeros(2), torch.ones(2), torch.tensor(0.25)
    >>> [mix(y, s, w, rule).tolist() for rule in ("blend", "accumulated", "released")]
    [[0.25, 0.25], [0.25, 0.25], [0.0, 0.0]]
    """
    if rule == "blend":
        return blend(output, state, w)
    added = w[..., None] * state + output
    return added if rule == "accumulated" else added - w[..., None]


def change_of(state: Tensor, earlier: Tensor) -> Tensor:
    """Return the root-mean-square difference of each position's state, shape (...)."""
    return (state - earlier).square().mean(dim=-1).sqrt()


class Recurrence(DepthRecurrence):
    r"""The recurrence in depth with the parts that a configuration names.

    Parameters
    ----------
    config : UTConfig
    cross : bool
        Whether the block attends to another sequence as well.
    causal : bool
        Whether convolutions look back only; attention is masked by the caller.

    Raises
    ------
    ValueError
        A causal recurrence with a halting rule that looks at all positions; in a call, a shape that
        does not fit or a negative number of steps.

    Cost
    ----
    T times the block's :math:`O(n^2 d + n d^2)`, span T; with halting T is the largest N.

    References
    ----------
    [dehghani-2019-universal], sections 2.1 and 2.2; the variants are those of the released code.

    Examples
    --------
    >>> run = Recurrence(UTConfig(steps=3))(torch.zeros(1, 5, 32))
    >>> run.cost
    Cost(work=15, span=3)
    """

    def __init__(self, config: UTConfig, *, cross: bool = False, causal: bool = False):
        if causal and config.halting == "global":
            raise ValueError("halting='global' averages over later positions, got causal=True")
        make = partial(_block, config, cross, causal)
        super().__init__(
            config.d_model, VariedSignal(config), [make() for _ in range(config.layers_inside)],
            steps=config.steps, epsilon=config.epsilon,
        )  # fmt: skip
        self.config = config
        self.update = StepUpdate(config)
        self.before = nn.ModuleList(make() for _ in range(config.before))
        self.after = nn.ModuleList(make() for _ in range(config.after))
        if config.halting is not None:
            self.halting = VariedHalting(config)
        self.signal_every = False  # whether mixed-in layers after the first get it as well
        self.last_norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()

    def open(self, x: Tensor, given) -> Tensor:
        """Run the layers before; start what the update remembers."""
        x = self.mixed_in(self.before, x, given)
        given.memory["kept"] = self.update.start(x)
        return x

    def finish(self, output: Tensor, given) -> Tensor:
        """Norm the output if norms come first, and run the layers after."""
        return self.mixed_in(self.after, self.last_norm(output), given)

    def mixed_in(self, layers: nn.ModuleList, x: Tensor, given) -> Tensor:
        """Run ordinary layers; the first of them gets the positions, as in a plain transformer."""
        for number, layer in enumerate(layers):
            if (number == 0 or self.signal_every) and self.config.position != "none":
                x = super().enter(x, 1, given)
            x = layer(x, **given.of_block)
        return x

    def observe(self, state: Tensor, halting, given) -> None:
        """Remember which positions move, and the state before the last step."""
        memory = given.memory
        everywhere = torch.ones_like(given.padding_mask)
        memory["moves"] = halting.running if self.config.freeze else everywhere
        memory["earlier"], memory["now"] = memory.get("now"), state

    def enter(self, state: Tensor, t: int, given) -> Tensor:
        """Return the state with its signal; who does not move gets none."""
        entry = super().enter(self.update.enter(state, given.memory["kept"]), t, given)
        moves = given.memory.get("moves")
        return entry if moves is None else torch.where(moves[..., None], entry, state)

    def transform(self, entry: Tensor, state: Tensor, x: Tensor, given) -> Tensor:
        """Return the new states by the blocks and the update."""
        before, moves = given.memory["kept"], given.memory.get("moves")
        if self.update.cell is not None:
            new, kept = self.update.cell_step(self._attended(entry, given), entry, before)
        else:
            new = self.update.leave(self._blocks(entry, state, given, moves), entry, x)
            kept = before
        if moves is not None:
            new = torch.where(moves[..., None], new, state)
        given.memory["kept"] = self.update.remember(new, kept, before, moves)
        return new

    def _blocks(self, h: Tensor, state: Tensor, given, moves: Tensor | None) -> Tensor:
        """Run the blocks of one step; a position at rest shows every block the same state."""
        for layer in self.layers:
            h = layer(h, **given.of_block)
            if moves is not None and len(self.layers) > 1:
                h = torch.where(moves[..., None], h, state)
        return h

    def _attended(self, entry: Tensor, given) -> Tensor:
        layer = self.layers[0]
        keys, values = layer.attention.keys_values(layer.entry(entry, 0))
        outside = None if layer.cross is None else layer.cross.keys_values(given.context)
        return layer.attend(entry, keys, values, given.attention_mask, outside, given.context_mask)

    def probabilities(self, entry: Tensor, running: Tensor, given) -> Tensor:
        """Return p of the running positions, 0 elsewhere."""
        group = torch.arange(len(entry))[:, None].expand(running.shape)[running]
        earlier, noise = given.memory["earlier"], None
        change = None if earlier is None else change_of(given.memory["now"], earlier)[running]
        if self.config.halting == "random":
            noise = torch.rand(running.shape, generator=given.generator, dtype=entry.dtype)[running]
        p = self.halting(entry[running], group, change, noise)
        return torch.zeros(running.shape, dtype=entry.dtype).masked_scatter(running, p)

    def is_last(self, t: int, most: int) -> bool:
        """Tell whether a step hands out all that is left of the halting mass."""
        return self.config.close and t == most

    def mix(self, output: Tensor, state: Tensor, w: Tensor) -> Tensor:
        """Return the output after a step, by the configuration's rule."""
        return mix(output, state, w, self.config.output)


def _block(config: UTConfig, cross: bool, causal: bool) -> UTBlock:
    kind = PreNormBlock if config.norm == "pre" else UTBlock
    if config.transition == "sepconv":
        transition = partial(SeparableConvolution, config, causal)
    else:
        transition = partial(TransitionFunction, config.d_model, config.d_ff)
    return kind(config.d_model, config.heads, transition, cross=cross, dropout=config.dropout)


class PlainStack(nn.Module):
    """A transformer's stack of different layers, with the position signal at its input.

    Parameters
    ----------
    config : UTConfig
        ``steps`` is the number of layers; switches of halting and recurrence play no part.
    cross, causal : bool
        As for :class:`Recurrence`.
    every : bool
        Whether the position signal is added before every layer, as the recurrence has it.
    """

    def __init__(self, config: UTConfig, *, cross=False, causal=False, every: bool = False):
        super().__init__()
        self.config = config
        bare = replace(config, before=config.steps, after=0, halting=None, recurrence="basic",
                       step_signal="none", layers_inside=1)  # fmt: skip
        self.body = Recurrence(bare, cross=cross, causal=causal)
        self.body.layers = nn.ModuleList()
        self.body.signal_every = every

    def forward(self, x: Tensor, **options) -> UTRun:
        """Run all layers; options are those of :class:`Recurrence` but for `steps`."""
        body = self.body
        given = body.given(x, **OPTIONS | options)
        state = body.last_norm(body.mixed_in(body.before, x, given))
        zeros, mask = torch.zeros(x.shape[:2], dtype=x.dtype), given.padding_mask
        depth = len(body.before)
        taken = mask.numel() * depth
        return UTRun(state, depth * mask.to(x.dtype), zeros, zeros, mask, zeros[None][:0],
                     queries=taken, keys=taken, rounds=depth)  # fmt: skip

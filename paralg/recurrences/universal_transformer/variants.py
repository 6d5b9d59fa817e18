"""Switches of the released code and of ours, as subclasses of the plain parts, and the plain stack.

`UTConfig` names them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args, get_type_hints

import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.recurrences.universal_transformer.block import (
    CoordinateSignal,
    TransitionFunction,
    UTBlock,
)
from paralg.recurrences.universal_transformer.halting import HaltingUnit, blend
from paralg.recurrences.universal_transformer.recurrence import DepthRecurrence, UTRun, fixed_run
from paralg.sequence.network import waves
from paralg.sequence.padding import blank

__all__ = [
    "PlainStack", "PreNormBlock", "Recurrence", "SeparableConvolution", "StepUpdate", "UTConfig",
    "VariedHalting", "VariedSignal", "change_of", "mix",
]  # fmt: skip

_LEAST = {"d_model": 1, "heads": 1, "d_ff": 1, "steps": 0, "layers_inside": 1, "before": 0,
          "after": 0}  # fmt: skip


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
        After each residual sum (the paper), or before each sublayer and once at the end (released).
    transition : {"fc", "sepconv"}
        Two linear maps, or two depthwise-separable convolutions, with a ReLU between.
    recurrence : {"basic", "highway", "skip", "depth", "gru", "lstm"}
        How a step makes the new state from the old one; see `StepUpdate`.
    layers_inside, before, after : int
        Blocks of their own inside one step; ordinary layers before and after the recurrence.
    position, step_signal, extend : str, str, bool
        Signal of the position (sinusoid or none) and of the step (sinusoid, learned, none); whether
        steps beyond a learned step table get its last row, instead of an error.
    combine, layout : {"add", "concat"}, {"interleaved", "split"}
        Whether the signal is added, or set beside the state and projected back; sines and cosines
        in turn (the paper), or all sines first (released code).
    position_start : {"zero", "random", "step"}
        First position id: 0; drawn anew at every step and by each stack, in training (in the
        released code always); or moved on with the step.
    signal_at : {"every", "first"}
        Whether the signal enters before every step (the paper), or only once (tied layers).
    halting : {None, "position", "global", "random", "settled"}
        Fixed number of steps; a halting unit for each position (released as "basic"); its mean over
        positions; a uniform number; or, ours, halt when a state changes by less than ``tau``.
    output : {"blend", "accumulated", "released"}
        Rule of `mix`.
    freeze, close : bool
        Whether a halted position's state stands still (not so in the released code); whether the
        last permitted step gets all that is left of the halting mass.
    epsilon, halting_bias, tau : float
        A position halts when its mass exceeds 1 - epsilon; first bias of the halting unit;
        root-mean-square change below which ``halting="settled"`` stops.
    gates : str
        What the gates of highway and skip read: letters of "s" state, "t" transformed, "i" input.
    dropout : float
        On both residual branches.

    ValueError for a size below its least, a width that does not fit, or an unknown choice.

    Examples
    --------
    >>> UTConfig(d_model=64, halting="position", output="accumulated").steps
    6
    """

    d_model: int = 32
    heads: int = 4
    d_ff: int = 64
    steps: int = 6
    norm: Literal["post", "pre"] = "post"
    transition: Literal["fc", "sepconv"] = "fc"
    recurrence: Literal["basic", "highway", "skip", "depth", "gru", "lstm"] = "basic"
    layers_inside: int = 1
    before: int = 0
    after: int = 0
    position: Literal["sinusoid", "none"] = "sinusoid"
    step_signal: Literal["sinusoid", "learned", "none"] = "sinusoid"
    extend: bool = False
    combine: Literal["add", "concat"] = "add"
    layout: Literal["interleaved", "split"] = "interleaved"
    position_start: Literal["zero", "random", "step"] = "zero"
    signal_at: Literal["every", "first"] = "every"
    halting: Literal[None, "position", "global", "random", "settled"] = None
    output: Literal["blend", "accumulated", "released"] = "blend"
    freeze: bool = False
    close: bool = False
    epsilon: float = 0.01
    halting_bias: float = 1.0
    tau: float = 1e-2
    gates: str = "i"
    dropout: float = 0.0

    def __post_init__(self):
        for name, least in _LEAST.items():
            checks.integer(name, getattr(self, name), least)
        for name, kind in get_type_hints(UTConfig).items():
            value, known = getattr(self, name), get_args(kind)
            if known and value not in known:
                checks.one_of(name, value, known)
            elif kind is bool:
                checks.instance(name, value, bool)
        d, inside = self.d_model, self.layers_inside
        if d % self.heads:
            raise ValueError(f"heads must divide d_model, got {self.heads} heads for width {d}")
        if d % 2 and "sinusoid" in (self.position, self.step_signal):
            raise ValueError(f"a sinusoid needs an even d_model, got {d}")
        checks.instance("gates", self.gates, str)
        if not set(self.gates) <= set("sti") or not self.gates:
            raise ValueError(f"gates must be letters of 's', 't', 'i', got {self.gates!r}")
        if self.recurrence in ("gru", "lstm") and inside != 1:
            raise ValueError(f"a cell takes one block a step, got layers_inside={inside}")
        checks.number("epsilon", self.epsilon, above=0, most=1)
        checks.number("halting_bias", self.halting_bias)
        checks.number("tau", self.tau, 0)
        checks.number("dropout", self.dropout, 0, 1)


class VariedSignal(CoordinateSignal):
    """Learned steps, signals beside the state (and projected back), at the first step only."""

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
        signals = list(self._signals(x, position_ids, step))
        if self.config.combine == "concat":
            return self.project(torch.cat([x, *(one.expand(x.shape) for one in signals)], dim=-1))
        return sum(signals, start=x)

    def _signals(self, x: Tensor, position_ids: Tensor, step: int) -> Iterator[Tensor]:
        config = self.config
        of = partial(waves, x, width=config.d_model, layout=config.layout)
        if config.position != "none":
            yield of(position_ids)
        if config.step_signal != "none":
            is_wave = config.step_signal == "sinusoid"
            yield of(step) if is_wave else self._row(step).to(x.dtype)

    def _row(self, step: int) -> Tensor:
        known = len(self.table)
        if step > known and not (self.config.extend and known):
            advice = "use step_signal='sinusoid' or extend=True"
            raise ValueError(f"the learned step table has {known} rows, got step {step}; {advice}")
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
    """A transition of two convolutions, windows around the position or, if causal, ending at it."""

    KERNELS = (3, 5)  # as in the released code

    def __init__(self, config: UTConfig, causal: bool = False):
        super().__init__()
        d, wide = config.d_model, config.d_ff
        self.causal = causal
        sizes = zip((d, wide), self.KERNELS, strict=True)
        self.window = nn.ModuleList(nn.Conv1d(c, c, k, groups=c, bias=False) for c, k in sizes)
        self.mix = nn.ModuleList([nn.Linear(d, wide), nn.Linear(wide, d)])

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return the transition, shape (b, n, d); padding counts as zeros in the windows."""
        return self._convolve(self._convolve(x, padding_mask, 0).relu(), padding_mask, 1)

    def _convolve(self, x: Tensor, padding_mask: Tensor | None, which: int) -> Tensor:
        x = blank(x, padding_mask)
        k, x = self.KERNELS[which], x.transpose(1, 2)
        sides = (k - 1, 0) if self.causal else (k // 2, k // 2)
        if x.shape[-1]:  # torch convolves nothing empty
            x = self.window[which](nn.functional.pad(x, sides))
        return self.mix[which](x.transpose(1, 2))


class StepUpdate(nn.Module):
    """The rule around the block, by ``config.recurrence``."""

    def __init__(self, config: UTConfig):
        super().__init__()
        self.config, self.kind, d, self.cell = config, config.recurrence, config.d_model, None
        if self.kind in ("highway", "skip"):
            self.gate = nn.Linear(len(config.gates) * d, d)
            nn.init.constant_(self.gate.bias, -1.0)  # begin by carrying
        elif self.kind == "depth":
            self.score = nn.Linear(d, 1)
        elif self.kind in ("gru", "lstm"):
            self.cell = (nn.GRUCell if self.kind == "gru" else nn.LSTMCell)(d, d)

    def start(self, x: Tensor):
        """Return what is remembered besides the state: all states so far, or the LSTM's memory."""
        return {"depth": (x,), "lstm": torch.zeros_like(x)}.get(self.kind)

    def enter(self, state: Tensor, memory) -> Tensor:
        """Return what the step begins with: the state, or a mixture of all states so far."""
        if self.kind != "depth":
            return state
        past = torch.stack(memory)
        return (self.score(past).softmax(dim=0) * past).sum(dim=0)

    def leave(self, h: Tensor, entry: Tensor, x: Tensor, memory):
        """Return the new state of a transformed one, and the cell's memory."""
        if self.kind in ("highway", "skip"):
            parts = {"s": entry, "t": h, "i": x}
            g = self.gate(torch.cat([parts[name] for name in self.config.gates], dim=-1)).sigmoid()
            h = g * h + (1 - g) * (entry if self.kind == "highway" else x)
        elif self.kind == "gru":
            h = self.cell(h.flatten(0, 1), entry.flatten(0, 1)).view_as(h)
        elif self.kind == "lstm":
            old = (entry.flatten(0, 1), memory.flatten(0, 1))
            h, memory = (part.view_as(h) for part in self.cell(h.flatten(0, 1), old))
        return h, memory

    def remember(self, state: Tensor, memory, before, moves: Tensor | None):
        """Return the memory after a step; positions that do not move keep that of the LSTM."""
        if self.kind == "depth":
            return (*memory, state)
        return _moved(moves, memory, before) if self.kind == "lstm" else None


class VariedHalting(HaltingUnit):
    """Halting by the mean over a sequence, by a random number, or once a state has settled."""

    def __init__(self, config: UTConfig):
        self.rule, self.tau = config.halting, config.tau
        if self.rule in ("position", "global"):
            super().__init__(config.d_model, config.halting_bias)
        else:
            nn.Module.__init__(self)

    def logits(self, x: Tensor) -> Tensor:
        """Return the unit's value before the sigmoid; zeros where there is no unit."""
        return super().logits(x) if hasattr(self, "linear") else x.new_zeros(x.shape[:-1])

    def forward(self, x: Tensor, group: Tensor, change=None, noise=None) -> Tensor:
        """Return p of m states; `change` and `noise` of shape (m,) are for settled and random."""
        if self.rule == "random":
            return noise
        if self.rule == "settled":
            return x.new_zeros(len(x)) if change is None else (change < self.tau).to(x.dtype)
        p = self.logits(x).sigmoid()
        if self.rule == "position" or not len(p):
            return p
        total = p.new_zeros(int(group.max()) + 1).index_add(0, group, p)
        return (total / group.bincount())[group]  # the mean over the positions of a sequence


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
    checks.one_of("rule", rule, ("blend", "accumulated", "released"))
    checks.tensors(w=(w, "..."), output=(output, "... d"), state=(state, "... d"))
    if rule == "blend":
        return blend(output, state, w)
    added = w[..., None] * state + output
    return added if rule == "accumulated" else added - w[..., None]


def change_of(state: Tensor, earlier: Tensor) -> Tensor:
    """Return the root-mean-square difference of each position's state, shape (...)."""
    return (state - earlier).square().mean(dim=-1).sqrt()


class Recurrence(DepthRecurrence):
    r"""The recurrence in depth [dehghani-2019-universal] with the parts that a configuration names.

    Parameters
    ----------
    config : UTConfig
    cross : bool
        Whether the block attends to another sequence as well.
    causal : bool
        Whether convolutions look back only; attention is masked by the caller. ValueError with a
        halting rule that looks at all positions; in a call, for shapes or steps that do not fit.

    Cost
    ----
    T times the block's :math:`O(n^2 d + n d^2)`, span T; with halting T is the largest N.

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

    closes = property(lambda self: self.config.close)

    def run(self, x: Tensor, given, keep: bool = False, by=None) -> UTRun:
        """Run the layers before, the steps (by another executor, if one is given), those after."""
        x = self.mixed_in(self.before, blank(x, given.padding_mask), given)
        given.memory["kept"] = self.update.start(x)
        found = by(self, x, given) if by else super().run(x, given, keep)
        output = self.mixed_in(self.after, self.last_norm(found.output), given)
        return replace(found, output=output)

    def signalled(self, state: Tensor, t: int, given, rows=slice(None)) -> Tensor:
        """Return states of a step with their signal; of flat states, those of the given rows."""
        n = len(given.position_ids)
        ids = given.position_ids + self.signal.first_position(n, t, given.generator)
        return self.signal(state, ids[rows], t)

    def mixed_in(self, layers: nn.ModuleList, x: Tensor, given) -> Tensor:
        """Run ordinary layers; the first of them gets the positions, as in a plain transformer."""
        for number, layer in enumerate(layers):
            if (number == 0 or self.signal_every) and self.config.position != "none":
                x = self.signalled(x, 1, given)
            x = layer(x, **given.of_block)
        return x

    def observe(self, state: Tensor, halting, given) -> None:
        """Remember which positions move, and the state before the last step."""
        memory = given.memory
        memory["moves"] = halting.running if self.config.freeze else None
        memory["earlier"], memory["now"] = memory.get("now"), state

    def enter(self, state: Tensor, t: int, given) -> Tensor:
        """Return the state with its signal; a position that does not move gets none."""
        entry = self.signalled(self.update.enter(state, given.memory["kept"]), t, given)
        return _moved(given.memory.get("moves"), entry, state)

    def transform(self, entry: Tensor, state: Tensor, x: Tensor, given) -> Tensor:
        """Return the new states by the blocks and the update."""
        before, moves = given.memory["kept"], given.memory.get("moves")
        h = self._sublayers(entry, state, given, moves)
        new, kept = self.update.leave(h, entry, x, before)
        new = _moved(moves, new, state)
        given.memory["kept"] = self.update.remember(new, kept, before, moves)
        return new

    def _sublayers(self, h: Tensor, state: Tensor, given, moves: Tensor | None) -> Tensor:
        """Run what of the blocks comes before the update; a position at rest shows its state."""
        if self.update.cell is not None:
            return self.layers[0].look(h, **given.of_block)
        for layer in self.layers:
            h = layer(h, **given.of_block)
            h = _moved(moves, h, state) if len(self.layers) > 1 else h
        return h

    def mix(self, output: Tensor, state: Tensor, w: Tensor) -> Tensor:
        """Return the output after a step, by the configuration's rule."""
        return mix(output, state, w, self.config.output)

    def probabilities(self, entry: Tensor, running: Tensor, given, *more) -> Tensor:
        """Return p of the running positions, 0 elsewhere."""
        now, earlier = given.memory["now"], given.memory["earlier"]
        change = None if earlier is None else change_of(now, earlier)[running]
        noise = self.noise(entry, given)
        return super().probabilities(
            entry, running, given, change, None if noise is None else noise[running]
        )

    def noise(self, x: Tensor, given) -> Tensor | None:
        """Return the numbers of a step of random halting, shape (b, n)."""
        if self.config.halting != "random":
            return None
        shape, kind = given.padding_mask.shape, {"dtype": x.dtype, "device": x.device}
        return torch.rand(shape, generator=given.generator, **kind)


def _moved(moves: Tensor | None, new: Tensor, old: Tensor) -> Tensor:
    """Return the new states where positions move, everywhere if no mask is given."""
    return new if moves is None else torch.where(moves[..., None], new, old)


def _block(config: UTConfig, cross: bool, causal: bool) -> UTBlock:
    kind = PreNormBlock if config.norm == "pre" else UTBlock
    if config.transition == "sepconv":
        transition = partial(SeparableConvolution, config, causal)
    else:
        transition = partial(TransitionFunction, config.d_model, config.d_ff)
    return kind(config.d_model, config.heads, transition, cross=cross, dropout=config.dropout)


class PlainStack(Recurrence):
    """A transformer's stack of different layers, with the position signal at its input.

    Parameters
    ----------
    config : UTConfig
        ``steps`` is the number of layers; switches of halting and recurrence play no part.
    cross, causal : bool
        As for :class:`Recurrence`.
    every : bool
        Whether the position signal is added before every layer, as the recurrence has it.

    Examples
    --------
    >>> PlainStack(UTConfig(steps=3))(torch.zeros(1, 5, 32)).cost
    Cost(work=15, span=3)
    """

    def __init__(self, config: UTConfig, *, cross=False, causal=False, every: bool = False):
        bare = replace(config, before=config.steps, after=0, halting=None, recurrence="basic",
                       step_signal="none", layers_inside=1)  # fmt: skip
        super().__init__(bare, cross=cross, causal=causal)
        self.layers, self.signal_every, self.config = nn.ModuleList(), every, config

    def run(self, x: Tensor, given, keep: bool = False) -> UTRun:
        """Run all layers; `steps` and `keep` play no part."""
        state = blank(x, given.padding_mask)
        state = self.last_norm(self.mixed_in(self.before, state, given))
        return fixed_run(state, len(self.before), given)

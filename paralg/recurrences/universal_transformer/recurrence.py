"""The recurrence in depth, run densely: every position computed in every step, masks decide."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.config import UTConfig
from paralg.recurrences.universal_transformer.halting import (
    HaltingUnit,
    Ledger,
    advance,
    mix,
    open_ledger,
)
from paralg.recurrences.universal_transformer.layer import Layer
from paralg.recurrences.universal_transformer.run import UTRun
from paralg.recurrences.universal_transformer.signals import CoordinateSignal
from paralg.recurrences.universal_transformer.updates import Update

__all__ = ["OPTIONS", "Recurrence"]

OPTIONS = {"valid": None, "allowed": None, "context": None, "seen": None, "offset": 0,
           "positions": None, "generator": None}  # fmt: skip
"""What every executor takes besides the states, with the defaults of :class:`Recurrence`."""


@dataclass(frozen=True, eq=False)
class _Scene:
    """What stays the same during a run: masks, the other sequence, randomness."""

    valid: Tensor
    allowed: Tensor | None
    context: Tensor | None
    seen: Tensor | None
    positions: Tensor
    generator: torch.Generator | None

    @property
    def kwargs(self) -> dict:
        """Arguments of a layer."""
        return {"valid": self.valid, "allowed": self.allowed, "context": self.context,
                "seen": self.seen}  # fmt: skip


class Recurrence(nn.Module):
    r"""Apply one block again and again to all positions at once; encoder, or decoder with `cross`.

    .. math:: H^t = \text{Block}(H^{t-1} + P^t), \quad t = 1, \dots, T

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
        A causal recurrence with a halting rule that looks at all positions.

    Notes
    -----
    `recurrence` of the configuration chooses how the transformed state T becomes the new one:
    ``basic`` takes it; ``highway`` and ``skip`` mix it by gates with the old state or with the
    input; ``depth`` feeds the block an attention-weighted sum of all earlier states; ``gru`` and
    ``lstm`` put a cell in the place of the transition, with attention as its input.

    ===========================  =========================================
    paper                        here
    ===========================  =========================================
    :math:`H^t`, :math:`P^t`     ``state``, :class:`CoordinateSignal`
    N(t), R(t)                   ``UTRun.steps``, ``UTRun.remainder``
    T                            ``config.steps`` or the argument ``steps``
    ===========================  =========================================

    References
    ----------
    [dehghani-2019-universal], sections 2.1 and 2.2; the variants are those of the released code.
    """

    def __init__(self, config: UTConfig, *, cross: bool = False, causal: bool = False):
        super().__init__()
        if causal and config.halting == "global":
            raise ValueError("halting='global' averages over later positions, got causal=True")
        self.config, self.cross = config, cross
        make = {"cross": cross, "causal": causal}
        self.signal = CoordinateSignal(config)
        self.layers = nn.ModuleList(Layer(config, **make) for _ in range(config.layers_inside))
        self.update = Update(config)
        self.before = nn.ModuleList(Layer(config, **make) for _ in range(config.before))
        self.after = nn.ModuleList(Layer(config, **make) for _ in range(config.after))
        if config.halting is not None:
            self.halting = HaltingUnit(config)
        self.signal_every = False  # whether mixed-in layers after the first see it as well
        self.last_norm = nn.LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()

    def forward(
        self, x: Tensor, *, valid: Tensor | None = None, allowed: Tensor | None = None,
        context: Tensor | None = None, seen: Tensor | None = None, steps: int | None = None,
        offset: int = 0, positions: Tensor | None = None,
        generator: torch.Generator | None = None, keep: bool = False,
    ) -> UTRun:  # fmt: skip
        """Run the recurrence.

        Parameters
        ----------
        x : Tensor, shape (b, n, d)
            Embedded sequence.
        valid : Tensor of bool, shape (b, n), optional
            Positions that are no padding; nobody sees the others, and they take no step.
        allowed : Tensor of bool, shape broadcasting to (b, n, n), optional
            Who may look at whom: an adjacency with loops, or a causal mask.
        context, seen : Tensor, optional
            The other sequence of a decoder, shape (b, m, d), and what is no padding in it, (b, m).
        steps : int, optional
            T, or the most steps with halting; the configuration's by default.
        offset : int
            Added to every position index.
        positions : Tensor of int, shape (n,), optional
            Index of each position for the signal; 0, 1, 2 … by default.
        generator : torch.Generator, optional
            For random halting and random first positions.
        keep : bool
            Whether to keep the states and halting logits of all steps.

        Returns
        -------
        UTRun

        Raises
        ------
        ValueError
            A shape that does not fit, or a negative number of steps.

        Cost
        ----
        T times the block's :math:`O(n^2 d + n d^2)`, span T; with halting T is the largest N.
        """
        scene = self.scene(x, valid, allowed, context, seen, offset, positions, generator)
        steps = self.check_steps(steps)
        x = self.mixed_in(self.before, x, scene)
        run = self._fixed if self.config.halting is None else self._halting
        result = run(x, steps, scene, keep)
        output = self.mixed_in(self.after, self.last_norm(result.output), scene)
        return replace(result, output=output)

    def scene(self, x, valid, allowed, context, seen, offset, positions, generator) -> _Scene:
        """Check the arguments and join padding and allowed pairs into one mask."""
        if x.dim() != 3 or x.shape[-1] != self.config.d_model:
            raise ValueError(f"x must be (b, n, {self.config.d_model}), got {tuple(x.shape)}")
        if valid is not None and valid.shape != x.shape[:2]:
            raise ValueError(f"valid must be {tuple(x.shape[:2])}, got {tuple(valid.shape)}")
        if (context is None) == self.cross:
            wanted = "no context" if context is not None else "context"
            raise ValueError(f"expected {wanted}: cross attention is set when the block is made")
        if valid is not None:
            allowed = valid[:, None, :] if allowed is None else valid[:, None, :] & allowed
        else:
            valid = torch.ones(x.shape[:2], dtype=torch.bool)
        seen = None if seen is None else seen[:, None, :]
        places = _indices(x.shape[1], positions) + offset
        return _Scene(valid, allowed, context, seen, places, generator)

    def check_steps(self, steps: int | None) -> int:
        """Return the number of steps, the configuration's by default."""
        steps = self.config.steps if steps is None else steps
        if steps < 0:
            raise ValueError(f"steps must not be negative, got {steps}")
        return steps

    def mixed_in(self, layers: nn.ModuleList, x: Tensor, scene: _Scene) -> Tensor:
        """Run ordinary layers; the first of them sees the positions, as in a plain transformer."""
        for number, layer in enumerate(layers):
            if (number == 0 or self.signal_every) and self.config.position != "none":
                x = self.signal(x, self.positions(x, 1, scene), 1)
            x = layer(x, **scene.kwargs)
        return x

    def positions(self, x: Tensor, step: int, scene: _Scene) -> Tensor:
        """Return the position indices of a step, shape (n,)."""
        first = self.signal.first_position(x.shape[1], step, scene.generator)
        return scene.positions + first

    def _fixed(self, x: Tensor, steps: int, scene: _Scene, keep: bool) -> UTRun:
        state, memory, states = x, self.update.start(x), []
        for step in range(1, steps + 1):
            entry = self.update.enter(state, memory)
            entry = self.signal(entry, self.positions(x, step, scene), step)
            state, memory = self._step(entry, state, x, memory, scene, None)
            states += [state] if keep else []
        zeros = torch.zeros(x.shape[:2], dtype=x.dtype)
        taken = int(scene.valid.numel()) * steps * len(self.layers)
        return UTRun(
            state, steps * scene.valid.to(x.dtype), zeros, zeros, scene.valid, zeros[None][:0],
            states=tuple(states), queries=taken, keys=taken, rounds=steps,
        )  # fmt: skip

    def _halting(self, x: Tensor, most: int, scene: _Scene, keep: bool) -> UTRun:
        config = self.config
        state, memory, output = x, self.update.start(x), torch.zeros_like(x)
        ledger, earlier = open_ledger(scene.valid, x.dtype), None
        weights, states, logits, step = [], [], [], 0
        while ledger.waits(config.epsilon) and step < most:
            step += 1
            moves = ledger.running if config.freeze else torch.ones_like(scene.valid)
            entry = self.update.enter(state, memory)
            entry = self.signal(entry, self.positions(x, step, scene), step)
            entry = torch.where(moves[..., None], entry, state)
            p = self._probabilities(entry, state, earlier, ledger, scene)
            logits += [self._logits(entry)] if keep else []
            ledger, w = advance(ledger, p, config.epsilon, config.close and step == most)
            earlier = state
            state, memory = self._step(entry, state, x, memory, scene, moves)
            output = mix(output, state, w, config.output)
            weights.append(w)
            states += [state] if keep else []
        taken = int(scene.valid.numel()) * step * len(self.layers)
        stacked = torch.stack(weights) if weights else torch.zeros((0, *x.shape[:2]), dtype=x.dtype)
        return UTRun(
            output, ledger.steps, ledger.remainder, ledger.mass * scene.valid, scene.valid, stacked,
            tuple(states), tuple(logits), queries=taken, keys=taken, rounds=step,
        )  # fmt: skip

    def _step(self, entry, state, x, memory, scene, moves) -> tuple[Tensor, Tensor | tuple]:
        """Return the new state and memory; positions that do not move keep theirs."""
        if self.update.cell is not None:
            a = self._attended(entry, scene)
            new, kept = self.update.cell_step(a, entry, memory)
        else:
            new = self._blocks(entry, state, scene, moves)
            new, kept = self.update.leave(new, entry, x), memory
        if moves is not None:
            new = torch.where(moves[..., None], new, state)
            kept = self.update.hold(kept, memory, moves)
        return new, self.update.remember(new, kept)

    def _blocks(self, h: Tensor, state: Tensor, scene: _Scene, moves: Tensor | None) -> Tensor:
        """Run the blocks of one step; who stands still shows every block the same state."""
        for layer in self.layers:
            h = layer(h, **scene.kwargs)
            if moves is not None and len(self.layers) > 1:
                h = torch.where(moves[..., None], h, state)
        return h

    def _attended(self, entry: Tensor, scene: _Scene) -> Tensor:
        layer = self.layers[0]
        keys, values = layer.attention.keys_values(layer.entry(entry))
        outside = None if layer.cross is None else layer.cross.keys_values(scene.context)
        return layer.attend(entry, keys, values, scene.allowed, outside, scene.seen)

    def _probabilities(self, entry, state, earlier, ledger: Ledger, scene: _Scene) -> Tensor:
        """Return p of the running positions, 0 elsewhere."""
        running = ledger.running
        group = torch.arange(len(entry))[:, None].expand(running.shape)[running]
        change = None if earlier is None else change_of(state, earlier)[running]
        noise = None
        if self.config.halting == "random":
            noise = torch.rand(running.shape, generator=scene.generator, dtype=entry.dtype)[running]
        p = self.halting(entry[running], group, change, noise)
        return torch.zeros(running.shape, dtype=entry.dtype).masked_scatter(running, p)

    def _logits(self, entry: Tensor) -> Tensor:
        learned = self.config.halting in ("position", "global")
        return self.halting.logits(entry) if learned else torch.zeros(entry.shape[:2])


def _indices(n: int, positions: Tensor | None) -> Tensor:
    """Return the position indices, counted from 0 unless they are given."""
    if positions is None:
        return torch.arange(n)
    if positions.shape != (n,):
        raise ValueError(f"positions must be ({n},), got {tuple(positions.shape)}")
    return positions


def change_of(state: Tensor, earlier: Tensor) -> Tensor:
    """Return the root-mean-square difference of each position's state, shape (...)."""
    return (state - earlier).square().mean(dim=-1).sqrt()

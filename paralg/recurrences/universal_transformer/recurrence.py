"""The recurrence in depth: one block for all positions at once, again and again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from paralg.core.cost import Cost
from paralg.recurrences.universal_transformer.halting import advance, blend, start_halting

__all__ = ["OPTIONS", "DepthRecurrence", "UTInputs", "UTRun"]

OPTIONS = {"padding_mask": None, "attention_mask": None, "context": None, "context_mask": None,
           "offset": 0, "position_ids": None, "generator": None}  # fmt: skip
"""What every executor takes besides the states; shapes are in the table of `block`."""


@dataclass(frozen=True, eq=False)
class UTRun:
    """States after the recurrence, how each position halted, and what it cost.

    Parameters
    ----------
    output : Tensor, shape (b, n, d)
    steps, remainder, mass : Tensor, shape (b, n)
        N, 0 for padding; R and hp of the halting rule, zeros with a fixed number of steps.
    padding_mask : Tensor of bool, shape (b, n)
    weights : Tensor, shape (T, b, n)
        Weight w of each step's state; empty with a fixed number of steps.
    states, logits : tuple of Tensor, shapes (b, n, d) and (b, n)
        States, and values of the halting unit, of each step, if they were asked for.
    queries, keys, rounds : int
        Positions for which the executor ran a block, and made keys and values, over all steps;
        steps taken one after the other.
    """

    output: Tensor
    steps: Tensor
    remainder: Tensor
    mass: Tensor
    padding_mask: Tensor
    weights: Tensor
    states: tuple[Tensor, ...] = field(default=(), repr=False)
    logits: tuple[Tensor, ...] = field(default=(), repr=False)
    queries: int = 0
    keys: int = 0
    rounds: int = 0

    @property
    def cost(self) -> Cost:
        """Positions that the block ran for, rounds one after the other."""
        return Cost(work=self.queries, span=self.rounds)

    @property
    def active(self) -> Cost:
        """What the halting rule asks for: the sum of N as work, the largest N as span."""
        most = int(self.steps.max()) if self.steps.numel() else 0
        return Cost(work=int(self.steps.sum()), span=most)

    @property
    def ponder(self) -> Tensor:
        """Mean of N + R over the positions that are no padding; its gradient flows through R."""
        total = torch.where(self.padding_mask, self.steps + self.remainder, 0.0).sum()
        return total / self.padding_mask.sum().clamp(min=1)


@dataclass(frozen=True, eq=False)
class UTInputs:
    """What stays the same during a run, joined and checked; `memory` is for variants."""

    padding_mask: Tensor
    attention_mask: Tensor | None
    context: Tensor | None
    context_mask: Tensor | None
    position_ids: Tensor
    generator: torch.Generator | None
    memory: dict = field(default_factory=dict)

    @property
    def of_block(self) -> dict:
        """Arguments of a block."""
        names = ("padding_mask", "attention_mask", "context", "context_mask")
        return {name: getattr(self, name) for name in names}


class DepthRecurrence(nn.Module):
    r"""Apply one block again and again to all positions at once; encoder, or decoder with `cross`.

    .. math:: H^t = \text{Block}(H^{t-1} + P^t), \quad t = 1, \dots, T

    Parameters
    ----------
    d_model, steps : int
        Width, and T; with a halting unit the most that a position may take.
    signal, layers : Module, list of Module
        Adds P; the block, of which variants may have several inside one step.
    halting : HaltingUnit, optional
    epsilon : float
        A position halts when its mass exceeds 1 - epsilon.

    Notes
    -----
    Paper → here: :math:`H^t` is ``state``, N(t) and R(t) are ``UTRun.steps`` and ``.remainder``.
    In a call, `steps` replaces T, `offset` is added to every position id, `generator` is for random
    variants, `keep` keeps the states and logits of all steps.

    References
    ----------
    [dehghani-2019-universal], sections 2.1 and 2.2.
    """

    def __init__(self, d_model: int, signal, layers, halting=None, *, steps=6, epsilon=0.01):
        super().__init__()
        self.d_model, self.most, self.epsilon = d_model, steps, epsilon
        self.signal, self.layers, self.halting = signal, nn.ModuleList(layers), halting
        self.crosses = self.layers[0].cross is not None

    def forward(self, x: Tensor, *, steps=None, keep=False, **options) -> UTRun:
        """Run the recurrence: T times the block's O(n² d + n d²) work, span T."""
        given, steps = self.given(x, **OPTIONS | options), self.check_steps(steps)
        x = self.open(x, given)
        run = self.fixed if self.halting is None else self.adaptive
        result = run(x, steps, given, keep)
        return replace(result, output=self.finish(result.output, given))

    def fixed(self, x: Tensor, steps: int, given: UTInputs, keep: bool) -> UTRun:
        """Take T steps: H becomes Block(H + P)."""
        state, states = x, []
        for t in range(1, steps + 1):
            entry = self.enter(state, t, given)  # H + P
            state = self.transform(entry, state, x, given)  # Block(H + P)
            states += [state] if keep else []
        zeros, n = torch.zeros(x.shape[:2], dtype=x.dtype), given.padding_mask.numel()
        taken = n * steps * len(self.layers)
        return UTRun(
            state, steps * given.padding_mask.to(x.dtype), zeros, zeros, given.padding_mask,
            zeros[None][:0], tuple(states), queries=taken, keys=taken, rounds=steps,
        )  # fmt: skip

    def adaptive(self, x: Tensor, most: int, given: UTInputs, keep: bool) -> UTRun:
        """Step until every position has halted; its output blends its states by its weights."""
        state, output, t = x, torch.zeros_like(x), 0
        halting = start_halting(given.padding_mask, x.dtype)
        weights, states, logits = [], [], []
        while halting.waits(self.epsilon) and t < most:
            t += 1
            self.observe(state, halting, given)
            entry = self.enter(state, t, given)
            p = self.probabilities(entry, halting.running, given)
            logits += [self.halting.logits(entry)] if keep else []
            halting, w = advance(halting, p, self.epsilon, self.is_last(t, most))
            state = self.transform(entry, state, x, given)
            output = self.mix(output, state, w)
            weights.append(w)
            states += [state] if keep else []
        taken = given.padding_mask.numel() * t * len(self.layers)
        empty = torch.zeros((0, *x.shape[:2]), dtype=x.dtype)
        return UTRun(
            output, halting.steps, halting.remainder, halting.mass * given.padding_mask,
            given.padding_mask, torch.stack(weights) if weights else empty, tuple(states),
            tuple(logits), queries=taken, keys=taken, rounds=t,
        )  # fmt: skip

    # What variants replace.

    def open(self, x: Tensor, given: UTInputs) -> Tensor:
        """Return the states before the first step."""
        return x

    def enter(self, state: Tensor, t: int, given: UTInputs) -> Tensor:
        """Return H + P of step t."""
        first = self.signal.first_position(state.shape[1], t, given.generator)
        return self.signal(state, given.position_ids + first, t)

    def transform(self, entry: Tensor, state: Tensor, x: Tensor, given: UTInputs) -> Tensor:
        """Return the states after a step; variants read the old ones and the input x as well."""
        return self.layers[0](entry, **given.of_block)

    def observe(self, state: Tensor, halting, given: UTInputs) -> None:
        """Let a variant remember what it needs to know of a step before it is taken."""

    def probabilities(self, entry: Tensor, running: Tensor, given: UTInputs) -> Tensor:
        """Return p of the running positions, 0 elsewhere."""
        group = torch.arange(len(entry))[:, None].expand(running.shape)[running]
        p = self.halting(entry[running], group)
        return torch.zeros(running.shape, dtype=entry.dtype).masked_scatter(running, p)

    def is_last(self, t: int, most: int) -> bool:
        """Tell whether a step hands out all that is left of the halting mass."""
        return False

    def mix(self, output: Tensor, state: Tensor, w: Tensor) -> Tensor:
        """Return the output after a step."""
        return blend(output, state, w)

    def finish(self, output: Tensor, given: UTInputs) -> Tensor:
        """Return the output after the last step."""
        return output

    def given(self, x, padding_mask, attention_mask, context, context_mask, offset, position_ids,
              generator) -> UTInputs:  # fmt: skip
        """Check the arguments and join padding and attention into one mask."""
        if x.dim() != 3 or x.shape[-1] != self.d_model:
            raise ValueError(f"x must be (b, n, {self.d_model}), got {tuple(x.shape)}")
        if padding_mask is not None and padding_mask.shape != x.shape[:2]:
            got = f"{tuple(x.shape[:2])}, got {tuple(padding_mask.shape)}"
            raise ValueError(f"padding_mask must be {got}")
        if (context is None) == self.crosses:
            wanted = "no context" if context is not None else "context"
            raise ValueError(f"expected {wanted}: cross attention is set when the block is made")
        if padding_mask is None:
            padding_mask = torch.ones(x.shape[:2], dtype=torch.bool)
        else:
            rows = padding_mask[:, None, :]
            attention_mask = rows if attention_mask is None else rows & attention_mask
        context_mask = None if context_mask is None else context_mask[:, None, :]
        ids = torch.arange(x.shape[1]) if position_ids is None else position_ids
        if ids.shape != (x.shape[1],):
            raise ValueError(f"position_ids must be ({x.shape[1]},), got {tuple(ids.shape)}")
        masks = (padding_mask, attention_mask, context, context_mask)
        return UTInputs(*masks, ids + offset, generator)

    def check_steps(self, steps: int | None) -> int:
        """Return the number of steps, T by default."""
        steps = self.most if steps is None else steps
        if steps < 0:
            raise ValueError(f"steps must not be negative, got {steps}")
        return steps

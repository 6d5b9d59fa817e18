"""The recurrence in depth: one block for all positions at once, again and again."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from paralg.core.cost import Cost
from paralg.recurrences.universal_transformer.halting import advance, blend, start_halting

__all__ = ["DepthRecurrence", "UTInputs", "UTRun", "adaptive_run", "fixed_run"]


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
        Of each step, states and values of the halting unit, if they were asked for.
    queries, keys, rounds : int
        How often a block ran for a position, and keys and values were made; steps in a row.
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

    most: int
    padding_mask: Tensor
    position_ids: Tensor
    generator: torch.Generator | None
    of_block: dict
    memory: dict = field(default_factory=dict)


class DepthRecurrence(nn.Module):
    r"""Apply one block again and again to all positions at once; encoder, or decoder with `cross`.

    .. math:: H^t = \text{Block}(H^{t-1} + P^t), \quad t = 1, \dots, T

    Source: [dehghani-2019-universal], sections 2.1 and 2.2.

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
    In a call, `steps` replaces T, `offset` is added to every position id, `keep` keeps the states
    and logits of all steps.
    """

    closes = False  # whether the last permitted step receives all that is left of the halting mass
    mix = staticmethod(blend)

    def __init__(self, d_model: int, signal, layers, halting=None, *, steps=6, epsilon=0.01):
        super().__init__()
        self.d_model, self.most, self.epsilon = d_model, steps, epsilon
        self.signal, self.layers, self.halting = signal, nn.ModuleList(layers), halting
        self.crosses = self.layers[0].cross is not None

    def forward(self, x: Tensor, *, keep=False, **options) -> UTRun:
        """Run the recurrence: T times the block's O(n² d + n d²) work, span T."""
        return self.run(x, self.given(x, **options), keep)

    def run(self, x: Tensor, given: UTInputs, keep: bool) -> UTRun:
        """Take a fixed number of steps, or as many as halting asks for."""
        return (self.fixed if self.halting is None else self.adaptive)(x, given, keep)

    def fixed(self, x: Tensor, given: UTInputs, keep: bool) -> UTRun:
        """Take T steps: H becomes Block(H + P)."""
        state, states = x, []
        for t in range(1, given.most + 1):
            entry = self.enter(state, t, given)  # H + P
            state = self.transform(entry, state, x, given)  # Block(H + P)
            states += [state] if keep else []
        return fixed_run(state, given.most, given, len(self.layers), tuple(states))

    def adaptive(self, x: Tensor, given: UTInputs, keep: bool) -> UTRun:
        """Step until every position has halted; its output blends its states by its weights."""
        state, output, t = x, torch.zeros_like(x), 0
        halting = start_halting(given.padding_mask, x.dtype)
        weights, states, logits = [], [], []
        while halting.waits(self.epsilon) and t < given.most:
            t += 1
            self.observe(state, halting, given)
            entry = self.enter(state, t, given)
            p = self.probabilities(entry, halting.running, given)
            logits += [self.halting.logits(entry)] if keep else []
            halting, w = advance(halting, p, self.epsilon, self.closes and t == given.most)
            state = self.transform(entry, state, x, given)
            output = self.mix(output, state, w)
            weights.append(w)
            states += [state] if keep else []
        taken = given.padding_mask.numel() * t * len(self.layers)
        run = adaptive_run(output, halting, weights, given, taken, taken)
        return replace(run, states=tuple(states), logits=tuple(logits))

    # What variants replace.

    def enter(self, state: Tensor, t: int, given: UTInputs) -> Tensor:
        """Return H + P of step t."""
        return self.signal(state, given.position_ids, t)

    def transform(self, entry: Tensor, state: Tensor, x: Tensor, given: UTInputs) -> Tensor:
        """Return the states after a step; variants read the old ones and the input x as well."""
        return self.layers[0](entry, **given.of_block)

    def observe(self, state: Tensor, halting, given: UTInputs) -> None:
        """Let a variant remember what it needs to know of a step before it is taken."""

    def probabilities(self, entry: Tensor, running: Tensor, given: UTInputs, *more) -> Tensor:
        """Return p of the running positions, 0 elsewhere."""
        group = torch.arange(len(entry))[:, None].expand(running.shape)[running]
        p = self.halting(entry[running], group, *more)
        return torch.zeros(running.shape, dtype=entry.dtype).masked_scatter(running, p)

    def given(self, x, *, steps=None, padding_mask=None, attention_mask=None, context=None,
              context_mask=None, offset=0, position_ids=None, generator=None):  # fmt: skip
        """Check the arguments and join padding and attention into one mask."""
        most = self.most if steps is None else steps
        if most < 0:
            raise ValueError(f"steps must not be negative, got {most}")
        if x.dim() != 3 or x.shape[-1] != self.d_model:
            raise ValueError(f"x must be (b, n, {self.d_model}), got {tuple(x.shape)}")
        if (context is None) == self.crosses:
            wanted = "no context" if context is not None else "context"
            raise ValueError(f"expected {wanted}: cross attention is set when the block is made")
        ids = torch.arange(x.shape[1]) if position_ids is None else position_ids
        _check_shape("position_ids", ids, x.shape[1:2])
        if padding_mask is None:
            padding_mask = torch.ones(x.shape[:2], dtype=torch.bool)
        else:
            _check_shape("padding_mask", padding_mask, x.shape[:2])
            rows = padding_mask[:, None, :]
            attention_mask = rows if attention_mask is None else rows & attention_mask
        of_block = {
            "padding_mask": padding_mask, "attention_mask": attention_mask, "context": context,
            "context_mask": None if context_mask is None else context_mask[:, None, :],
        }  # fmt: skip
        return UTInputs(most, padding_mask, ids + offset, generator, of_block)


def fixed_run(state: Tensor, steps: int, given: UTInputs, blocks=1, states=()) -> UTRun:
    """Return the record of a run in which every position took so many steps of so many blocks."""
    mask = given.padding_mask
    zeros = torch.zeros(mask.shape, dtype=state.dtype)
    taken = mask.numel() * steps * blocks
    return UTRun(state, steps * mask.to(state.dtype), zeros, zeros, mask, zeros[None][:0], states,
                 queries=taken, keys=taken, rounds=steps)  # fmt: skip


def adaptive_run(output, halting, weights: list, given: UTInputs, queries: int, keys: int) -> UTRun:
    """Return the record of a run with halting, from the weights of its steps."""
    mask = given.padding_mask
    stacked = torch.stack(weights) if weights else output.new_zeros(0, *mask.shape)
    return UTRun(output, halting.steps, halting.remainder, halting.mass * mask, mask, stacked,
                 queries=queries, keys=keys, rounds=len(weights))  # fmt: skip


def _check_shape(name: str, part: Tensor, shape) -> None:
    if part.shape != shape:
        raise ValueError(f"{name} must be {tuple(shape)}, got {tuple(part.shape)}")

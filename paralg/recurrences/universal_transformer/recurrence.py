"""The recurrence in depth: one block for all positions at once, again and again."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.recurrences.universal_transformer.halting import advance, blend, in_unit, start_halting
from paralg.sequence.padding import blank, token_mask

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
    """What stays the same during a run, checked; `own` are given probabilities of halting."""

    most: int
    padding_mask: Tensor
    position_ids: Tensor
    generator: torch.Generator | None
    of_block: dict
    own: Tensor | None = None
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

    Paper → here: :math:`H^t` is ``state``, N(t) and R(t) are ``UTRun.steps`` and ``.remainder``.
    In a call, `steps` replaces T, `offset` is added to every position id, `keep` keeps the states
    and logits of all steps; `probabilities`, shape (T, b, n), takes the place of the halting unit.
    What padding holds, NaN included, has no influence.
    """

    closes = False  # whether the last permitted step receives all that is left of the halting mass
    mix = staticmethod(blend)

    def __init__(self, d_model: int, signal, layers, halting=None, *, steps=6, epsilon=0.01):
        super().__init__()
        self.d_model = checks.integer("d_model", d_model, 1)
        self.most = checks.integer("steps", steps)
        self.epsilon = checks.number("epsilon", epsilon, above=0, most=1)
        self.signal, self.layers, self.halting = signal, nn.ModuleList(layers), halting
        self.crosses = self.layers[0].cross is not None

    def forward(self, x: Tensor, *, keep=False, **options) -> UTRun:
        """Run the recurrence: T times the block's O(n² d + n d²) work, span T."""
        return self.run(x, self.given(x, **options), keep)

    def run(self, x: Tensor, given: UTInputs, keep: bool) -> UTRun:
        """Take a fixed number of steps, or as many as halting asks for."""
        x, fixed = blank(x, given.padding_mask), self.halting is None and given.own is None
        return (self.fixed if fixed else self.adaptive)(x, given, keep)

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
        state, output, t, own = x, torch.zeros_like(x), 0, given.own
        halting = start_halting(given.padding_mask, x.dtype)
        weights, states, logits = [], [], []
        while t < given.most and bool(halting.running.any()):
            t += 1
            self.observe(state, halting, given)
            entry = self.enter(state, t, given)
            p = self.probabilities(entry, halting.running, given) if own is None else own[t - 1]
            logits += [self.halting.logits(entry)] if keep and self.halting else []
            halting, w = advance(halting, p, self.epsilon, self.closes and t == given.most)
            state = self.transform(entry, state, x, given)
            output = self.mix(output, state, w)
            weights.append(w)
            states += [state] if keep else []
        taken = given.padding_mask.numel() * t * len(self.layers)
        run = adaptive_run(output, halting, weights, given, taken, taken)
        return replace(run, states=tuple(states), logits=tuple(logits))

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
        group = running.nonzero()[:, 0]
        p = self.halting(entry[running], group, *more)
        return entry.new_zeros(running.shape).masked_scatter(running, p)

    def given(self, x, *, steps=None, padding_mask=None, attention_mask=None, context=None,
              context_mask=None, offset=0, position_ids=None, generator=None,
              probabilities=None):  # fmt: skip
        """Check the arguments and join padding and attention into one mask."""
        checks.tensors(x=(x, f"b n {self.d_model}"), weights=(next(self.parameters(), x), "..."))
        most, here = checks.integer("steps", self.most if steps is None else steps), x.shape[:2]
        if (context is None) == self.crosses:
            wanted, got = ("no context", "one") if context is not None else ("context", "none")
            raise ValueError(f"expected {wanted}, got {got}: cross attention is set at the making")
        ids = torch.arange(here[1], device=x.device) if position_ids is None else position_ids
        checks.sizes(T=(range(most), "T"), x=(x, "b n d"), position_ids=(ids, "i: n"),
                     probabilities=(probabilities, "T b n"))  # fmt: skip
        mask = token_mask(padding_mask, here, x.device, "padding_mask")
        if mask is not None:
            rows = mask[:, None, :]
            attention_mask = rows if attention_mask is None else rows & attention_mask
        if context is not None:
            checks.tensors(x=(x, "b n d"), context=(context, "b m d"))
            context_mask = token_mask(context_mask, context.shape[:2], x.device, "context_mask")
            context = blank(context, context_mask)
        block = {"padding_mask": mask, "attention_mask": attention_mask, "context": context,
                 "context_mask": context_mask if context_mask is None else context_mask[:, None]}
        mask = torch.ones(here, dtype=torch.bool, device=x.device) if mask is None else mask
        own = None if probabilities is None else in_unit(probabilities)
        return UTInputs(most, mask, ids + checks.integer("offset", offset), generator, block, own)


def fixed_run(state: Tensor, steps: int, given: UTInputs, blocks=1, states=()) -> UTRun:
    """Return the record of a run in which every position took so many steps of so many blocks."""
    mask = given.padding_mask
    zeros, taken = state.new_zeros(mask.shape), mask.numel() * steps * blocks
    return UTRun(state, steps * mask.to(state.dtype), zeros, zeros, mask, zeros[None][:0], states,
                 queries=taken, keys=taken, rounds=steps)  # fmt: skip


def adaptive_run(output, halting, weights: list, given: UTInputs, queries: int, keys: int) -> UTRun:
    """Return the record of a run with halting, from the weights of its steps."""
    mask = given.padding_mask
    stacked = torch.stack(weights) if weights else output.new_zeros(0, *mask.shape)
    return UTRun(output, halting.steps, halting.remainder, halting.mass * mask, mask, stacked,
                 queries=queries, keys=keys, rounds=len(weights))  # fmt: skip

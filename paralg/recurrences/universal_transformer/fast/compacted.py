"""The recurrence run on the active set: a position that has halted is not computed any more."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from paralg.recurrences.universal_transformer.block import UTBlock
from paralg.recurrences.universal_transformer.halting import HaltingState, advance, start_halting
from paralg.recurrences.universal_transformer.recurrence import OPTIONS, UTRun
from paralg.recurrences.universal_transformer.variants import Recurrence, change_of

__all__ = ["run_compacted"]


@torch.no_grad()
def run_compacted(core: Recurrence, x: Tensor, *, steps: int | None = None, **options) -> UTRun:
    r"""Run a recurrence with halting on its active positions only.

    Parameters
    ----------
    core : Recurrence
        With halting, ``freeze=True``, ``recurrence="basic"`` and ``transition="fc"``.
    x : Tensor, shape (b, n, d)
    steps : int, optional
    **options
        `padding_mask`, `attention_mask`, `context`, `context_mask`, `offset`, `position_ids`,
        `generator` of :class:`Recurrence`.

    Returns
    -------
    UTRun
        Equal to that of the dense run up to rounding, without states; its counts are smaller.

    Raises
    ------
    ValueError
        The recurrence does not freeze, or a position's step reads more of the others than their
        keys and values.

    Cost
    ----
    Work :math:`\sum_i N_i \, O(n d + d^2)`, span :math:`\max_i N_i`; keys and values are made once
    for each active position and step, and once more when a position halts.

    Notes
    -----
    A halted position is still attended to: its keys and values, of a state that will not change,
    are kept.
    Without freezing they change in every step, and there is nothing to save.
    """
    _check(core)
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise ValueError(f"options must be among {tuple(OPTIONS)}, got {sorted(unknown)}")
    given, most = core.given(x, **OPTIONS | options), core.check_steps(steps)
    result = _Active(core, core.open(x, given), given).run(most)
    return replace(result, output=core.finish(result.output, given))


def _check(core: Recurrence) -> None:
    config = core.config
    wanted = {"freeze": True, "recurrence": "basic", "transition": "fc"}
    for name, value in wanted.items():
        if getattr(config, name) != value:
            raise ValueError(f"compaction needs {name}={value!r}, got {getattr(config, name)!r}")
    if config.halting is None:
        raise ValueError("compaction needs a halting rule, got halting=None")


class _Active:
    """One run; every array of positions is flat, of length b n."""

    def __init__(self, core: Recurrence, x: Tensor, given):
        self.core, self.given = core, given
        self.b, self.n, d = x.shape
        self.state = x.reshape(-1, d).clone()
        self.output = torch.zeros_like(self.state)
        self.halting = start_halting(given.padding_mask.flatten(), x.dtype)
        self.earlier = None
        self.cache = [tuple(torch.zeros_like(self.state) for _ in "kv") for _ in core.layers]
        self.outside = [
            None if layer.cross is None else layer.cross.keys_values(given.context)
            for layer in core.layers
        ]
        self.weights: list[Tensor] = []
        self.queries = self.keys = 0

    def run(self, most: int) -> UTRun:
        halted, step = torch.empty(0, dtype=torch.long), 0
        while self.halting.waits(self.core.config.epsilon) and step < most:
            step += 1
            rows = self.halting.running.nonzero().squeeze(-1)
            for number, layer in enumerate(self.core.layers):
                self._store(number, layer, halted, self.state[halted])
            halted = self._step(rows, step, step == most)
        shape = (self.b, self.n)
        empty = self.output.new_zeros(0, self.b * self.n)
        stacked = torch.stack(self.weights) if self.weights else empty
        mass = self.halting.mass.view(shape) * self.given.padding_mask
        return UTRun(
            self.output.view(*shape, -1), self.halting.steps.view(shape),
            self.halting.remainder.view(shape), mass, self.given.padding_mask,
            stacked.view(-1, *shape),
            queries=self.queries, keys=self.keys, rounds=step,
        )  # fmt: skip

    def _step(self, rows: Tensor, step: int, last: bool) -> Tensor:
        """Take a step for the active rows and return those that halted in it."""
        core, config = self.core, self.core.config
        entry = self._signalled(rows, step)
        p = core.halting(entry, rows // self.n, self._change(rows), self._noise(rows))
        now = self.halting
        old = HaltingState(now.mass[rows], now.remainder[rows], now.steps[rows])
        new, w = advance(old, p, config.epsilon, config.close and last)
        self._write(rows, new, w)
        h = entry
        for number, layer in enumerate(core.layers):
            h = self._block(number, layer, h, rows)
        self._record_change(rows, h)
        self.output[rows] = core.mix(self.output[rows], h, w)
        return rows[~new.running]

    def _signalled(self, rows: Tensor, step: int) -> Tensor:
        first = self.core.signal.first_position(self.n, step, self.given.generator)
        ids = self.given.position_ids[rows % self.n] + first
        return self.core.signal(self.state[rows], ids, step)

    def _change(self, rows: Tensor) -> Tensor | None:
        return None if self.earlier is None else self.earlier[rows]

    def _record_change(self, rows: Tensor, h: Tensor) -> None:
        """Write the new states, and how much each moved if the halting rule asks."""
        if self.core.config.halting == "settled":
            if self.earlier is None:
                self.earlier = self.state.new_zeros(len(self.state))
            self.earlier[rows] = change_of(h, self.state[rows])
        self.state[rows] = h

    def _noise(self, rows: Tensor) -> Tensor | None:
        if self.core.config.halting != "random":
            return None
        shape = (self.b, self.n)
        noise = torch.rand(shape, generator=self.given.generator, dtype=self.state.dtype)
        return noise.flatten()[rows]

    def _write(self, rows: Tensor, new: HaltingState, w: Tensor) -> None:
        for name in ("mass", "remainder", "steps"):
            getattr(self.halting, name)[rows] = getattr(new, name)
        self.weights.append(torch.zeros(len(self.state), dtype=w.dtype).index_copy(0, rows, w))

    def _store(self, number: int, layer: UTBlock, rows: Tensor, states: Tensor) -> None:
        """Make keys and values of rows and put them where the others attend to them."""
        if len(rows):
            keys, values = layer.attention.keys_values(layer.entry(states, 0))
            self.cache[number][0][rows], self.cache[number][1][rows] = keys, values
            self.keys += len(rows)

    def _block(self, number: int, layer: UTBlock, h: Tensor, rows: Tensor) -> Tensor:
        """Run a block for the rows: attention by sequence, the rest in one flat batch."""
        self._store(number, layer, rows, h)
        self.queries += len(rows)
        who, slot_of, most = _rows_by_group(rows // self.n)
        padded = h.new_zeros(len(who) * most, h.shape[-1])
        padded[slot_of] = h
        keys, values = (part.view(self.b, self.n, -1)[who] for part in self.cache[number])
        mask = self._mask(rows, who, slot_of, most)
        outside = self.outside[number]
        outside = None if outside is None else tuple(part[who] for part in outside)
        context_mask = self.given.context_mask
        context_mask = None if context_mask is None else context_mask[who]
        a = layer.attend(padded.view(len(who), most, -1), keys, values, mask, outside, context_mask)
        return layer.transit(a.flatten(0, 1)[slot_of])

    def _mask(self, rows, who, slot_of, most) -> Tensor | None:
        """Return the attention mask of the rows, laid out like their queries."""
        mask = self.given.attention_mask
        if mask is None or mask.shape[-2] == 1:
            return mask if mask is None or mask.shape[0] == 1 else mask[who]
        square = mask.expand(self.b, self.n, self.n)[rows // self.n, rows % self.n]
        laid = torch.ones(len(who) * most, self.n, dtype=torch.bool)
        laid[slot_of] = square
        return laid.view(len(who), most, self.n)


def _rows_by_group(group: Tensor) -> tuple[Tensor, Tensor, int]:
    """Lay sorted rows out by group: the groups that occur, each row's place, the widest group."""
    who, inverse, counts = group.unique_consecutive(return_inverse=True, return_counts=True)
    starts = counts.cumsum(0) - counts
    most = int(counts.max()) if len(counts) else 0
    within = torch.arange(len(group)) - starts[inverse]
    return who, inverse * most + within, most

"""The recurrence run on the active set: a position that has halted is not computed any more."""

import torch
from torch import Tensor

from paralg.core import checks
from paralg.recurrences.universal_transformer.block import UTBlock
from paralg.recurrences.universal_transformer.halting import HaltingState, advance, start_halting
from paralg.recurrences.universal_transformer.recurrence import UTRun, adaptive_run
from paralg.recurrences.universal_transformer.variants import Recurrence, change_of

__all__ = ["run_compacted"]


@torch.no_grad()
def run_compacted(core: Recurrence, x: Tensor, **options) -> UTRun:
    r"""Run a recurrence with halting on its active positions only.

    Parameters
    ----------
    core : Recurrence
        With halting, ``freeze=True``, ``recurrence="basic"`` and ``transition="fc"``; otherwise a
        step reads more of other positions than keys and values, and a ValueError says so.
    x : Tensor, shape (b, n, d)
    **options
        `steps`, `padding_mask`, `attention_mask`, `context`, `context_mask`, `offset`,
        `position_ids`, `generator`, `probabilities` of :class:`Recurrence`.

    Returns
    -------
    UTRun
        Equal to that of the dense run up to rounding, without states; its counts are smaller.

    Cost
    ----
    Work :math:`\sum_i N_i \, O(n d + d^2)`, span :math:`\max_i N_i`; keys and values are made once
    for each active position and step, and once more when a position halts: it is still attended to,
    and frozen, so that they are kept.

    Examples
    --------
    >>> from paralg.recurrences.universal_transformer import UTConfig
    >>> config = UTConfig(steps=9, halting="random", freeze=True)
    >>> run = run_compacted(Recurrence(config), torch.zeros(2, 5, 32))
    >>> run.queries == run.active.work
    True
    """
    checks.instance("core", core, Recurrence)
    wanted = {"freeze": True, "recurrence": "basic", "transition": "fc"}
    for name, value in wanted.items():
        if (got := getattr(core.config, name)) != value:
            raise ValueError(f"compaction needs {name}={value!r}, got {got!r}")
    given = core.given(x, **options)
    if core.config.halting is None and given.own is None:
        raise ValueError("compaction needs a halting rule, got halting=None")
    return core.run(x, given, by=lambda *parts: _Active(*parts).run())


class _Active:
    """One run; every array of positions is flat, of length b n."""

    def __init__(self, core: Recurrence, x: Tensor, given):
        self.core, self.given = core, given
        self.b, self.n, d = x.shape
        self.state = x.flatten(0, 1).clone()
        self.output = torch.zeros_like(self.state)
        self.halting = start_halting(given.padding_mask.flatten(), x.dtype)
        self.change = None
        self.cache = [tuple(torch.zeros_like(self.state) for _ in "kv") for _ in core.layers]
        context = given.of_block["context"]
        self.outside = [part.cross and part.cross.keys_values(context) for part in core.layers]
        self.weights: list[Tensor] = []
        self.queries = self.keys = 0

    def run(self) -> UTRun:
        halted, step, most = torch.empty(0, dtype=torch.long), 0, self.given.most
        while step < most and bool(self.halting.running.any()):
            step += 1
            rows = self.halting.running.nonzero().squeeze(-1)
            for number, layer in enumerate(self.core.layers):
                self._store(number, layer, halted, self.state[halted])
            halted = self._step(rows, step, step == most)
        shape = self.b, self.n
        halting = HaltingState(*(part.view(shape) for part in vars(self.halting).values()))
        weights, output = [w.view(shape) for w in self.weights], self.output.view(*shape, -1)
        return adaptive_run(output, halting, weights, self.given, self.queries, self.keys)

    def _step(self, rows: Tensor, step: int, last: bool) -> Tensor:
        """Take a step for the active rows and return those that halted in it."""
        core, config, now = self.core, self.core.config, self.halting
        entry = core.signalled(self.state[rows], step, self.given, rows % self.n)
        change = None if self.change is None else self.change[rows]
        noise = core.noise(entry, self.given)
        noise = None if noise is None else noise.flatten()[rows]
        own = self.given.own
        p = (core.halting(entry, rows // self.n, change, noise) if own is None
             else own[step - 1].flatten()[rows])  # fmt: skip
        old = HaltingState(*(part[rows] for part in vars(now).values()))
        new, w = advance(old, p, config.epsilon, config.close and last)
        now.mass[rows], now.remainder[rows], now.steps[rows] = new.mass, new.remainder, new.steps
        self.weights.append(torch.zeros_like(now.mass).index_copy(0, rows, w))
        h = entry
        for number, layer in enumerate(core.layers):
            h = self._block(number, layer, h, rows)
        if config.halting == "settled":
            self.change = torch.zeros_like(now.mass) if self.change is None else self.change
            self.change[rows] = change_of(h, self.state[rows])
        self.state[rows] = h
        self.output[rows] = core.mix(self.output[rows], h, w)
        return rows[~new.running]

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
        counts = (rows // self.n).bincount(minlength=self.b)
        who = counts.nonzero().squeeze(-1)  # sequences with active rows, laid out one below another
        filled = torch.arange(int(counts.max())) < counts[who, None]
        laid = h.new_zeros(*filled.shape, h.shape[-1])
        laid[filled] = h
        keys, values = (part.view(self.b, self.n, -1)[who] for part in self.cache[number])
        outside = self.outside[number] and tuple(part[who] for part in self.outside[number])
        context_mask = self.given.of_block["context_mask"]
        context_mask = None if context_mask is None else context_mask[who]
        mask = self._mask(rows, filled)
        a = layer.attend(laid, keys, values, mask, outside, context_mask)
        return layer.transit(a[filled])

    def _mask(self, rows: Tensor, filled: Tensor) -> Tensor | None:
        """Return the attention mask of the rows, laid out like their queries."""
        mask = self.given.of_block["attention_mask"]
        if mask is None:
            return None
        laid = torch.ones(*filled.shape, self.n, dtype=torch.bool)
        laid[filled] = mask.expand(self.b, self.n, self.n)[rows // self.n, rows % self.n]
        return laid

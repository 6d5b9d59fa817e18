"""Recurrence in depth against plain stacks and a recurrence in time; the two executors of halting.

    python -m benchmarks.bench_universal_transformer [--quick]

Encoders of width 128 with 4 heads on 4 sequences, float32, one thread for every method.  The plain
stack of equal operations has as many layers as the recurrence has steps, hence as many times its
parameters; that of equal parameters is narrower.  Both executors of halting run the same network,
whose positions halt at random and then stand still, so that they compute the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.recurrences.universal_transformer import (
    PlainStack,
    Recurrence,
    UTConfig,
    run_compacted,
)
from paralg.recurrences.universal_transformer.theory import (
    layers_of_equal_parameters,
    parameters,
    rnn_cost,
    ut_cost,
)

__all__ = ["main", "run"]

OURS = "paralg recurrence in depth"
COMPACTED = "paralg compacted"
_SAME = "the same operations; ours adds a signal before every step"
_REASONS = {
    "plain, equal operations": _SAME,
    "plain, equal parameters": "narrower layers, about a sixth of the operations",
    "torch.nn.TransformerEncoder": _SAME,
    "torch layer, tied by hand": _SAME,
    "torch.nn.GRU": "a recurrence in time does one pass of less work; its span is the length",
}
ROWS, THREADS = 4, 1
CONFIG = UTConfig(d_model=128, heads=4, d_ff=512, steps=6)
STANDARD = Standard(
    chapter="universal_transformer", task="One encoder forward, one thread", bench="forward",
    ours=OURS, peer="torch.nn.GRU", size_name="sequence length", headline=1024,
    counted=lambda n: rnn_cost(n).span / ut_cost(n, CONFIG.steps).span,
    counted_name="steps in time over rounds in depth",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        One length and few repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    lengths = (64,) if quick else (64, 256, 1024)
    repeats, rows = 2 if quick else 9, []
    for n in lengths:
        rows += _encoders(n, repeats, backward=False)
        rows += _encoders(n, repeats, backward=True)
        rows += _executors(n, repeats)
    return rows


def encoders() -> dict[str, nn.Module]:
    """Return the networks by name, each mapping (b, n, width) to a tensor or a run."""
    torch.manual_seed(0)
    wide = CONFIG.d_model
    narrow = layers_of_equal_parameters(wide, CONFIG.steps)
    thin = replace(CONFIG, d_model=narrow, d_ff=4 * narrow)
    layer = nn.TransformerEncoderLayer(wide, CONFIG.heads, CONFIG.d_ff, 0.0, batch_first=True)
    return {
        OURS: Recurrence(CONFIG),
        "plain, equal operations": PlainStack(CONFIG),
        "plain, equal parameters": PlainStack(thin),
        "torch.nn.TransformerEncoder": nn.TransformerEncoder(layer, CONFIG.steps),
        "torch layer, tied by hand": _Tied(layer),
        "torch.nn.GRU": nn.GRU(wide, wide // 2, batch_first=True, bidirectional=True),
    }


class _Tied(nn.Module):
    """One torch layer applied again and again, without a signal."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        for _ in range(CONFIG.steps):
            x = self.layer(x)
        return x


def _encoders(n: int, repeats: int, *, backward: bool) -> list[dict]:
    made = {name: part.train(backward) for name, part in encoders().items()}
    calls = {name: _call(part, n, backward) for name, part in made.items()}
    timings = compare(calls, repeats=repeats, threads=THREADS, min_seconds=2e-3, settle=0.01)
    notes = {name: f"{parameters(part):,} parameters" for name, part in made.items()}
    notes |= {name: f"{notes[name]}; {reason}" for name, reason in _REASONS.items()}
    return rows_of(timings, "forward + backward" if backward else "forward", n, OURS, notes)


def _call(module: nn.Module, n: int, backward: bool) -> Callable:
    width = module.config.d_model if isinstance(module, PlainStack) else CONFIG.d_model
    x = torch.randn(ROWS, n, width, generator=torch.Generator().manual_seed(n))

    def forward():
        with torch.no_grad():
            return module(x)

    def both():
        loss = _tensor(module(x)).square().mean()
        return torch.autograd.grad(loss, list(module.parameters()), allow_unused=True)

    return both if backward else forward


def _tensor(found) -> torch.Tensor:
    if isinstance(found, tuple):
        return found[0]
    return found if isinstance(found, torch.Tensor) else found.output


def _executors(n: int, repeats: int) -> list[dict]:
    torch.manual_seed(0)
    core = Recurrence(replace(CONFIG, steps=8, halting="random", freeze=True, close=True)).eval()
    x = torch.randn(ROWS, n, CONFIG.d_model, generator=torch.Generator().manual_seed(n))

    def dense():
        with torch.no_grad():
            return core(x, generator=torch.Generator().manual_seed(n))

    def few():
        return run_compacted(core, x, generator=torch.Generator().manual_seed(n))

    one, other = dense(), few()
    error = float((one.output - other.output).abs().max())
    notes = {
        "paralg masked": f"work {one.queries:,}",
        COMPACTED: f"work {other.queries:,}, outputs differ by {error:.0e}",
    }
    timings = compare({COMPACTED: few, "paralg masked": dense}, repeats=repeats, threads=THREADS,
                      min_seconds=2e-3, settle=0.01)  # fmt: skip
    return rows_of(timings, "halting, 8 steps at most", n, COMPACTED, notes)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/universal_transformer.json``."""
    run_main(run, "universal_transformer", argv, STANDARD)


if __name__ == "__main__":
    main()

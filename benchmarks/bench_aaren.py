"""Attention of one query over every prefix, and streaming it, against what torch offers.

    python -m benchmarks.bench_aaren [--quick]

First the operator: four heads of sixteen, batch 1, float32, one thread for every method, forward
alone and forward with backward. Then one causal layer of width 64 in training, projections
included: Aaren against self-attention. Then a stream: its token number n, for a model of two
layers, Aaren against a cache of keys and values.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.primitives import brent_kung_counts
from paralg.core.timing import compare
from paralg.recurrences.aaren import (
    Aaren,
    AarenConfig,
    build_model,
    prefix_attention,
    warm,
)
from paralg.recurrences.aaren.experiments import peers
from paralg.sequence import CausalAttention, KeyValueCache, SequenceModel

__all__ = ["main", "operands", "run"]

OURS = "paralg compiled"
HEADS, SIZE, THREADS = 4, 16, 1
_DENSE, _LOOP = 2**10, 2**8
_NOTES = {
    "torch logcumsumexp, n × n": "an oracle: quadratic",
    "torch sdpa, query repeated": "quadratic, fused; keys are given",
    "torch loop": "ours, token by token",
    "torch blocks of 64": "ours, the paper's block form",
    "torch Hillis–Steele": "ours, log depth",
    "torch Brent–Kung": "ours, log depth",
    "torch associative_scan": "torch's private generic scan, our operator",
}

STANDARD = Standard(
    chapter="aaren", task="Attention of one query over all prefixes", bench="all prefixes, forward",
    ours=OURS, peer="torch logcumsumexp, signed", size_name="sequence length", headline=4096,
    counted=lambda length: (length - 1) / brent_kung_counts(length).span,
    counted_name="steps of a loop over rounds of the tree",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Two lengths and few repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    warm([torch.float32])
    rows = []
    for backward in (False, True):
        for exponent in (6, 8) if quick else range(6, 17, 2):
            rows += _operator(2**exponent, 2 if quick else 7, backward=backward)
    for exponent in (6, 8) if quick else range(6, 13, 2):
        rows += _layer(2**exponent, 2 if quick else 5)
    for count in (16, 64) if quick else (16, 64, 256, 1024, 4096, 16_384):
        rows += _stream(count, 3 if quick else 15)
    return rows


def operands(length: int) -> tuple[Tensor, Tensor]:
    """Return normal scores (1, n, 4) and values (1, n, 4, 16)."""
    random = torch.Generator().manual_seed(length)
    shape = (1, length, HEADS)
    return torch.randn(shape, generator=random), torch.randn(*shape, SIZE, generator=random)


def methods(length: int) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Return the operators worth timing at a length, by name."""

    def own(method):
        return lambda s, v: prefix_attention(s, v, method=method)[0]

    found = {OURS: own("compiled"), "torch blocks of 64": own("blocks"),
             "torch Hillis–Steele": own("kogge-stone"), "torch Brent–Kung": own("brent-kung"),
             "torch logcumsumexp, signed": peers.signed_logs}  # fmt: skip
    if length <= _LOOP:
        found["torch loop"] = own("loop")
    if length <= _DENSE:
        found["torch logcumsumexp, n × n"] = peers.dense
    try:
        from torch._higher_order_ops import associative_scan  # noqa: F401
    except ImportError:
        return found
    return found | {"torch associative_scan": own("associative")}


def _operator(length: int, repeats: int, *, backward: bool) -> list[dict]:
    scores, values = operands(length)
    operators = methods(length)
    if backward:
        operators.pop("torch logcumsumexp, signed")  # log 0 has no finite gradient
        scores.requires_grad_(), values.requires_grad_()
    calls = {name: _call(fn, (scores, values), backward) for name, fn in operators.items()}
    calls |= {} if backward or length > _DENSE else {"torch sdpa, query repeated": _sdpa(values)}
    timings = compare(calls, repeats=repeats, threads=THREADS, min_seconds=1e-3)
    notes = _NOTES | {name: _error(operators[name], length) for name in operators
                      if name in (OURS, "torch logcumsumexp, signed")}  # fmt: skip
    bench = "all prefixes, forward + backward" if backward else "all prefixes, forward"
    return rows_of(timings, bench, length, OURS, notes)


def _call(operator, x: tuple[Tensor, ...], backward: bool) -> Callable:
    def forward():
        with torch.no_grad():
            return operator(*x)

    def both():
        return torch.autograd.grad(operator(*x).sum(), x)

    return both if backward else forward


def _sdpa(values: Tensor) -> Callable:
    keys, query = torch.randn_like(values), torch.randn(HEADS, SIZE)

    def forward():
        with torch.no_grad():
            return peers.repeated_query(query, keys, values)

    return forward


def _error(operator, length: int) -> str:
    """Say how far an output is from double precision, relative to the largest value."""
    scores, values = operands(length)
    exact = prefix_attention(scores.double(), values.double())[0]
    with torch.no_grad():
        error = (operator(scores, values) - exact).abs().max() / exact.abs().max()
    return f"error {error:.0e}"


def _layer(length: int, repeats: int) -> list[dict]:
    torch.manual_seed(0)
    layers = {"Aaren layer": Aaren(64, HEADS), "causal self-attention": CausalAttention(64, HEADS)}
    x = torch.randn(1, length, 64)

    def step(layer):
        parameters = [p for p in layer.parameters()]
        return lambda: torch.autograd.grad(layer(x).sum(), parameters, allow_unused=True)

    calls = {name: step(layer) for name, layer in layers.items()}
    timings = compare(calls, repeats=repeats, threads=THREADS, min_seconds=1e-3)
    return rows_of(timings, "one layer, forward + backward", length, "Aaren layer")


def _stream(count: int, repeats: int) -> list[dict]:
    calls, notes = {}, {}
    for kind, name in (("aaren", "Aaren"), ("transformer", "cache of keys and values")):
        model = build_model(AarenConfig(8, 8, kind)).eval()
        calls[name], size = _next(model, count)
        notes[name] = f"{size:,} bytes of state"
    timings = compare(calls, repeats=repeats, threads=THREADS, min_seconds=2e-3)
    return rows_of(timings, "one more token of a stream, two layers", count, "Aaren", notes)


@torch.no_grad()
def _next(model: SequenceModel, count: int) -> tuple[Callable, int]:
    """Return a call that takes token number `count`, and the bytes of state after it.

    Each call goes on from the same state, which a step does not change; in the buffer of a cache
    there is room for the token, and the call leaves it free again.
    """
    state, x = model.begin(), torch.randn(1, 8)
    for _ in range(count - 1):
        _, state = model.step(x, state)
    buffers = [one._room for one in state.states if isinstance(one, KeyValueCache)]

    def call():
        with torch.no_grad():
            after = model.step(x, state)[1]
        for buffer in buffers:
            buffer.used = count - 1
        return after

    return call, call().nbytes


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/aaren.json``."""
    run_main(run, "aaren", argv, STANDARD)


if __name__ == "__main__":
    main()

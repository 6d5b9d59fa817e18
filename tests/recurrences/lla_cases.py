"""Inputs, oracles and tables shared by the tests of local linear attention."""

from __future__ import annotations

from functools import cache

import torch

from paralg.recurrences.local_linear_attention import reference

WAYS = [
    {"method": "cg", "block_size": 4, "cg_max_iters": 80},
    {"method": "cg", "block_size": 8, "block_keys": 5, "cg_max_iters": 80},
    {"method": "cg", "block_size": 5, "cg_use_preconditioner": True, "cg_max_iters": 80},
    {"method": "direct", "block_size": 3},
    {"method": "direct", "block_size": 7, "block_keys": 2},
    {"method": "naive"},
    {"method": "compiled", "cg_max_iters": 80},
    {"method": "compiled", "cg_use_preconditioner": True, "cg_max_iters": 80},
]
"""Every way to compute the layer."""

SIZES = [(1, 1, True), (2, 2, True), (9, 9, True), (16, 16, False), (5, 11, True), (5, 11, False),
         (31, 33, False), (33, 70, True)]  # fmt: skip
"""Queries, keys, and whether there is a causal mask."""

ONE = torch.ones(1, 4, 2)
BAD = [
    ({"weight_norm": "sum"}, "weight_norm must be one of"),
    ({"method": "fast"}, "method must be one of"),
    ({"ridge_lambda": 0.0}, "ridge_lambda must be positive, got 0.0"),
    ({"ridge_lambda": torch.ones(3)}, r"must broadcast to \(1, 4\), got \(3,\)"),
    ({"block_size": 0}, "block_size must be at least 1, got 0"),
    ({"block_keys": 0}, "block_keys must be at least 1, got 0"),
    ({"cg_rtol": -1.0}, "cg_rtol must not be negative, got -1.0"),
    ({"cg_max_iters": 0}, "cg_max_iters must be at least 1, got 0"),
    ({"k": torch.ones(1, 3, 2)}, r"expected .*; got \(1, 4, 2\), \(1, 3, 2\)"),
    ({"q": torch.ones(2, 4, 2)}, r"expected \(\.\.\., n, d\)"),
    ({"q": torch.ones(1, 5, 2)}, "expected a key for every query, got 4 for 5"),
    ({"q": ONE.clone().requires_grad_(), "method": "compiled"}, "'compiled' has no gradient"),
    ({"q": ONE.double()}, "one floating-point type, got torch.float64, torch.float32"),
    (dict.fromkeys("qkv", ONE.half()), "underflow in float16; expected bfloat16"),
    (dict.fromkeys("qkv", ONE.long()), "got torch.int64"),
]
"""Arguments that are refused, and words of what is said."""


def draw(*shape, seed=0, d=3, d_v=2, m=None):
    """Return queries, keys and values in double precision."""
    rng = torch.Generator().manual_seed(seed)
    *batch, n = shape
    sizes = ((n, d), (m or n, d), (m or n, d_v))
    return [torch.randn(*batch, *s, generator=rng, dtype=torch.float64) for s in sizes]


def apart(a, b):
    """Return the largest difference."""
    return float((torch.as_tensor(a) - torch.as_tensor(b)).abs().max())


@cache
def exactly(n, m, causal, norm):
    """Return operands and what least squares says of the second row."""
    x = draw(2, n, seed=n + 2, m=m)
    return x, reference.attend_by_lstsq(*(y[1] for y in x), 0.5, norm=norm, causal=causal)

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
    ({"ridge_lambda": -1.0}, "ridge_lambda must be positive, or 0 for all, got -1.0 to -1.0"),
    ({"ridge_lambda": torch.ones(3)}, r"must broadcast to \(1, 4\), got \(3,\)"),
    ({"ridge_lambda": torch.tensor([0.0, 1.0, 1.0, 1.0])}, "or 0 for all, got 0.0 to 1.0"),
    ({"ridge_lambda": 1e-14}, r"at most 1e\+12 in double precision, got .*e\+14"),
    ({"ridge_lambda": torch.inf}, "ridge_lambda must be finite, got inf"),
    ({"kernel": "box"}, "kernel must be one of"),
    ({"kernel": "gaussian", "weight_norm": "raw"}, "needs the norm 'max' or 'softmax', got 'raw'"),
    ({"mask": torch.ones(1, 3).int()}, r"mask must have the shape \(1, 4\), got \(1, 3\)"),
    ({"block_size": 0}, "block_size must be at least 1, got 0"),
    ({"block_keys": 0}, "block_keys must be at least 1, got 0"),
    ({"cg_rtol": -1.0}, "cg_rtol must be at least 0, got -1.0"),
    ({"cg_max_iters": 0}, "cg_max_iters must be at least 1, got 0"),
    ({"k": torch.ones(1, 3, 2)}, r"v must have the shape \(1, 3, d_v\), got \(1, 4, 2\)"),
    ({"q": torch.ones(2, 4, 2)}, r"k must have the shape \(2, m, 2\), got \(1, 4, 2\)"),
    ({"q": torch.ones(1, 5, 2)}, r"expected a key for every query, got \(1, 5, 2\), \(1, 4, 2\)"),
    (
        {"q": ONE.clone().requires_grad_(), "method": "compiled"},
        "for a gradient, got method 'compiled'",
    ),
    ({"q": ONE.double()}, "one floating-point type, got torch.float64, torch.float32"),
    (dict.fromkeys("qkv", ONE.half()), "expected bfloat16 or float32, got float16"),
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

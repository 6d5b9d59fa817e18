"""Inputs shared by the tests of the Mamba chapter."""

from __future__ import annotations

import torch

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "h0")


def operands(b, L, D, N, *, complex_states=False, constant=False, dtype=torch.float64, seed=0):
    """Return all nine operands of a selective scan, A with negative real part."""
    random = torch.Generator().manual_seed(seed)

    def real(*shape):
        return torch.randn(*shape, generator=random, dtype=dtype)

    def number(*shape):
        return torch.complex(real(*shape), real(*shape)) if complex_states else real(*shape)

    rates = -torch.exp(real(D, N))
    rates = torch.complex(rates, real(D, N)) if complex_states else rates
    vectors = (D, N) if constant else (b, L, N)
    parts = (
        real(b, L, D), real(b, L, D), rates, number(*vectors), number(*vectors), real(D),
        real(b, L, D), real(D), number(b, D, N),
    )  # fmt: skip
    return dict(zip(NAMES, parts, strict=True))


def as_numpy(x):
    """Return operands for the numpy oracle."""
    return {name: value.numpy() for name, value in x.items()}


def leaves(x):
    """Return copies that collect gradients."""
    return {name: value.clone().requires_grad_() for name, value in x.items()}


def relative(got, expected):
    """Return the largest difference over the largest expected magnitude."""
    got, expected = (torch.as_tensor(part).detach() for part in (got, expected))
    if expected.numel() == 0:
        return 0.0
    scale = float(expected.abs().max())
    return float((got - expected).abs().max()) / (scale or 1.0)


def gradients(loss, x):
    """Return the gradient of a number with respect to every operand, 0 where it has no part."""
    return torch.autograd.grad(loss, list(x.values()), materialize_grads=True, allow_unused=True)

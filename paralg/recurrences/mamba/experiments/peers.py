"""The operator of the public package ``mambapy``, called with the operands of `selective_scan`."""

from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

__all__ = ["has_mambapy", "mambapy_scan"]


def has_mambapy() -> bool:
    """Tell whether the package is installed (extra ``peers``)."""
    return find_spec("mambapy") is not None


def mambapy_scan(u, delta, A, B, C, D, z, delta_bias) -> Tensor:
    """Return the same as ``selective_scan(…, delta_softplus=True)``, around mambapy's scan."""
    from mambapy.pscan import pscan

    step = softplus(delta + delta_bias)[..., None]
    states = pscan(torch.exp(step * A), step * B.unsqueeze(2) * u[..., None])
    y = (states @ C[..., None]).squeeze(3) + D * u
    return y * silu(z)

"""Padding: which tokens are there, and nothing where none is."""

import torch
from torch import Tensor

from paralg.core import checks

__all__ = ["blank", "token_mask"]


def token_mask(mask, shape, device=None, name: str = "mask") -> Tensor | None:
    """Return Booleans, or numbers 0 and 1, of a shape, as a tensor on a device; None as it is."""
    if mask is None:
        return None
    found = checks.mask(name, mask.cpu() if isinstance(mask, Tensor) else mask, tuple(shape))
    return torch.from_numpy(found).to(device)


def blank(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return x, shape (..., n) or (..., n, d), with zeros where the mask, (..., n), is False.

    Whatever padding holds, NaN included, it is gone; a product with the mask would keep it.
    """
    if mask is None or bool(mask.all()):
        return x
    return x.masked_fill(~(mask if x.dim() == mask.dim() else mask[..., None]), 0)

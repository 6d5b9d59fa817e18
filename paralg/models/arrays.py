"""The border between numpy and torch: arrays in, arrays out, one thread, no gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

__all__ = ["without_gradients", "to_numpy", "to_torch"]


@contextmanager
def without_gradients() -> Iterator[None]:
    """No gradients, one thread: more threads are slower at this size and may reorder sums."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def to_torch(a: np.ndarray) -> Tensor:
    """Copy: the caller's array may be read-only or strided backwards."""
    return torch.from_numpy(np.array(a, order="C"))


def to_numpy(logits: Tensor) -> np.ndarray:
    """Return float64 values."""
    return logits.double().numpy()

"""Share independent tasks of a compiled function among threads, as many as torch may use.

numba's own parallel loops always wake all their threads and wait for them in a busy loop, which on
a machine with other work costs milliseconds a call. Here one thread means a plain call, and the
caller works, too.
"""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

from paralg.core import checks

__all__ = ["GRAIN", "parallel_for"]

GRAIN = 2**20
"""Lane steps of the forward pass, 0.2 ms, below which a second thread costs more than it brings."""


def parallel_for(function: Callable[..., None], tasks: int, steps: int, *arguments) -> None:
    """Call ``function(begin, end, *arguments)`` on ranges that cover all tasks.

    The function is compiled with ``nogil=True``, and tasks do not write to the same place;
    ``steps`` are lane steps of all tasks together, in the time of the forward pass.
    """
    checks.integers(0, tasks=tasks, steps=steps)
    workers = min(torch.get_num_threads(), tasks, max(1, steps // GRAIN))
    bounds = [tasks * worker // workers for worker in range(workers + 1)] if workers else []
    ranges = list(zip(bounds[:-1], bounds[1:], strict=True))
    others = [_threads().submit(function, *one, *arguments) for one in ranges[1:]]
    try:
        for one in ranges[:1]:
            function(*one, *arguments)
    finally:
        for other in others:
            other.result()


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """Return the pool, made at its first use."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="paralg-scan")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork: the child makes its own
    os.register_at_fork(after_in_child=_threads.cache_clear)

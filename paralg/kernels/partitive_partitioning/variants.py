"""✎ The paper's alternatives, as functions over the plain method and never as flags in it."""

from __future__ import annotations

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.kernels.partitive_partitioning.method import Result, checked, in_parallel, in_sequence

__all__ = ["in_chunks"]


def in_chunks(xs, workers: int) -> Result:
    """Return the sum of `xs` with a chain for each worker, and a tree over the workers.

    Parameters
    ----------
    xs : array_like, shape (n,)
    workers : int
        At least 1.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If there is no worker, or `xs` does not have one dimension.

    Cost
    ----
    Work n - 1, span ⌈n / workers⌉ - 1 + ⌈log₂ workers⌉, for n ≥ workers.

    Examples
    --------
    >>> in_chunks(range(8), workers=2)
    Result(value=28.0, cost=Cost(work=7, span=4))
    """
    workers = checks.integer("workers", workers, 1)
    xs = checked(xs)
    size = max(1, -(-len(xs) // workers))
    chains = [in_sequence(xs[i : i + size]) for i in range(0, len(xs), size)]
    tree = in_parallel([chain.value for chain in chains])
    work = sum(chain.cost.work for chain in chains) + tree.cost.work
    span = max((chain.cost.span for chain in chains), default=0) + tree.cost.span
    return Result(tree.value, Cost(work=work, span=span))

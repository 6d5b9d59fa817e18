"""Work, span and memory of local linear attention, in closed form and of runs."""

from __future__ import annotations

from math import ceil, log2

from paralg.core.cost import Cost

__all__ = ["forward_cost", "memory_numbers", "pairs", "traffic", "work"]


def pairs(n: int, m: int, causal: bool = True) -> int:
    """Return how many pairs of a query and a key that it sees there are.

    Examples
    --------
    >>> pairs(3, 3), pairs(2, 4), pairs(2, 4, causal=False)
    (6, 7, 8)
    """
    return n * m - n * (n - 1) // 2 if causal else n * m


def work(method: str, seen: int, n: int, d: int, d_v: int, iterations: int = 0) -> int:
    r"""Return the multiply-adds of a forward pass.

    Parameters
    ----------
    method : {"softmax", "cg", "direct"}
    seen : int
        Pairs of query and key.
    n, d, d_v : int
        Queries, width of keys, width of values.
    iterations : int
        Of conjugate gradients, all rows together, each over its own keys: their sum over queries
        of iterations times keys seen.

    Returns
    -------
    int
        Softmax: :math:`d + d_v` a pair. All others: :math:`3 d + d_v` for logits, moments,
        slopes, values. Conjugate gradients: :math:`2 d` more a pair and iteration; direct:
        :math:`d^2` more a pair, :math:`d^3/6 + d^2` a query.

    Examples
    --------
    >>> work("softmax", 10, 4, 8, 8), work("cg", 10, 4, 8, 8, iterations=30)
    (160, 800)
    """
    if method == "softmax":
        return seen * (d + d_v)
    common = seen * (3 * d + d_v)
    if method == "cg":
        return common + 2 * d * iterations
    return common + seen * d * d + n * (d**3 // 6 + d * d)


def memory_numbers(method: str, n: int, d: int, block: int = 128) -> int:
    """Return the order of the numbers held beside the operands: the leading terms.

    Examples
    --------
    >>> memory_numbers("naive", 1024, 64) // memory_numbers("cg", 1024, 64)
    181
    """
    if method == "naive":
        return n * n * d + n * d * d
    own = 2 * n * d + 2 * block * n
    return own + (block * d * d if method == "direct" else 0)


def traffic(
    seen: int, d: int, d_v: int, block: int, passes: int, *, stored: bool = False
) -> float:
    """Return how many numbers move between slow memory and one that holds a block of queries.

    Parameters
    ----------
    seen : int
        Pairs of query and key.
    d, d_v : int
        Width of keys, which every pass reads, and of values, which the last one reads.
    block : int
        Queries that share what is read.
    passes : int
        Over the keys; 1 is softmax attention.
    stored : bool
        Whether the weights are kept in slow memory, too: a number a pair and pass.

    Examples
    --------
    >>> traffic(1280, 64, 64, 128, 1), traffic(1280, 64, 64, 128, 1, stored=True)
    (1280.0, 2560.0)
    """
    return seen * (passes * d + d_v) / block + (passes * seen if stored else 0)


def forward_cost(run, m: int, causal: bool, method: str) -> Cost:
    """Return the cost of a forward pass from what it counted.

    Work counts each row's iterations over the keys it sees; span takes log₂ of keys and of width
    for every pass over the keys, since the passes wait for each other.
    """
    B, n, d = run.rho.shape
    seen = B * pairs(n, m, causal)
    visible = [i + 1 + m - n if causal else m for i in range(n)]
    taken = int((run.iterations.sum(0) * run.iterations.new_tensor(visible)).sum())
    span = run.passes * (ceil(log2(max(m, 1))) + ceil(log2(max(d, 1))))
    amount = work(method, seen, B * n, d, run.out.shape[-1], taken)
    return Cost(work=amount, span=span, rounds=run.rounds)

"""One prefix sum on five machines: what the page that compares rounds needs.

1. `machines`: a chain and doubling, each by messages, by layers of a network, by ranks of MPI.
2. `drawing`: who has its sum after which round.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "CHAIN": "machines", "DOUBLING": "machines", "RoundTable": "machines", "at_once": "machines",
    "by_chain_layers": "machines", "by_chain_messages": "machines",
    "by_doubling_layers": "machines", "by_doubling_messages": "machines", "by_ranks": "machines",
    "reached": "machines", "draw_rounds": "drawing",
})  # fmt: skip

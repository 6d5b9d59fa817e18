"""Checks of the exercises on the ordinary node."""

import numpy as np

from paralg.rounds.ordinary_node.fast.graphs import cycle
from paralg.rounds.ordinary_node.fast.rounds import run_compacted
from paralg.rounds.ordinary_node.gapfill import reach
from paralg.rounds.ordinary_node.theory import worst_sum
from paralg.teach.checking import call, close_to, equal_to_oracle, exercise, numbers, require


@exercise("ex-ordinary-node-sum")
def largest_sum(answer):
    """Largest sum of radii of the largest-identifier rule on 16 nodes."""
    close_to(answer, 40, name="the sum", wrong={
        32: "that leaves the 8 rounds of the maximum out",
        48: "the maximum waits 8 rounds, not 16",
        128: "no other node waits as long as the maximum",
    })  # fmt: skip
    return "Right: 32 ones in the numbers 0 to 15, and 8 rounds of the maximum."


@exercise("ex-ordinary-node-radii")
def radii(answer):
    """Radii of colouring by order on the ring of eight."""
    found = numbers(answer, 8, "the eight radii")
    close_to(found, [2, 3, 1, 3, 2, 1, 2, 1], name="the radii", wrong={
        (1, 2, 0, 2, 1, 0, 1, 0): "these are the depths: seeing a neighbour takes a round",
        (1, 1, 2, 1, 1, 4, 1, 2): "these are the radii of the largest identifier",
    })  # fmt: skip
    return "Right: one more than the longest rising run that leaves the node."


@exercise("ex-ordinary-node-sorted")
def rising(answer):
    """Largest radius of colouring by order on 32 nodes with rising identifiers."""
    close_to(answer, 32, name="the radius", wrong={
        31: "that is the depth of node 0",
        16: "messages do not know that the ring is closed: they carry no whole ball",
        1: "that is the radius of the largest identifier",
    })  # fmt: skip
    return "Right: node 0 waits for 31 others, one after the other."


@exercise("ex-ordinary-node-reach")
def known_sides(answer):
    """When a node knows an output on either side, against the library."""
    rng = np.random.default_rng(0)
    cases = [np.array(one) for one in ([1], [2, 2], [3, 1, 3], [5, 4, 2, 5, 5, 2, 5, 5, 5, 1])]
    cases += [rng.integers(1, 9, size=n) for n in (4, 7, 12)]
    return equal_to_oracle(answer, reach, cases, name="gives t' of every node",
                           hint="a node knows itself after its own radius; take the least distance "
                           "plus radius on each side, then the larger one")  # fmt: skip


@exercise("ex-ordinary-node-adversary")
def adversary(answer):
    """Worst identifiers of a cycle, of any size."""
    for n in (3, 4, 5, 8, 13, 32):
        ids = np.asarray(call(answer, n))
        require(sorted(ids.tolist()) == list(range(n)), "uses each of 0 … n − 1 once", failing=n,
                got=ids.tolist())  # fmt: skip
        total = int(run_compacted("largest id", cycle(n), ids).cost.work)
        require(total == worst_sum(n), "reaches the largest sum of radii",
                "the maximum of a segment belongs into its middle", failing=n,
                expected=worst_sum(n), got=total)  # fmt: skip
    return "Right: the sums are those of the formula for 3 to 32 nodes."

"""Checks of the exercises on Clover."""

import heapq

import numpy as np

from paralg.decoding.clover.experiments.records import SIZES, records
from paralg.decoding.clover.theory import best_value, roofline_speedup
from paralg.teach.checking import close_to, entries, equal_to_oracle, exercise

__all__ = ["RIDGE", "best_budget"]

RIDGE = 64  # slots at which a call of the exercise's target starts to take longer


@exercise("ex-clover-break-even")
def break_even(answer):
    """Tokens a call that pay for a step of 1.5 + 0.9 against 1.2."""
    wrong = {1.25: "drafting takes time, too", 0.5: "that is the speed-up of one token a call"}
    close_to(answer, 2.0, name="the tokens a call", wrong=wrong)
    return "Right: (1.5 + 0.9) / 1.2."


@exercise("ex-clover-grow")
def grow(answer):
    """E[accepted] of two drafts: the paper's rule and the best tree."""
    paper, best = entries(answer, ("paper", "best"))
    close_to(paper, 0.9, name="the paper's tree", wrong={
        1.02: "level 1 is filled first: a and b both belong to the mass of 0.8"})  # fmt: skip
    close_to(best, 1.02, name="the best tree", wrong={
        0.9: "a child of a, 0.6 · 0.7, is worth more than b"})  # fmt: skip
    return "Right: .6 + .3 against .6 + .6 · .7."


@exercise("ex-clover-best")
def best(answer):
    """E[accepted] of the best tree, for distributions that depend on the level alone."""
    rng = np.random.default_rng(0)
    small = [([np.array([0.4, 0.35, 0.25]), np.array([0.95, 0.05])], m) for m in range(4)]
    small += [([rng.dirichlet(np.ones(2)) for _ in range(3)], m) for m in (1, 3, 5)]
    equal_to_oracle(answer, best_value, small, tol=1e-9, name="equals the best of all trees",
                    hint="a child never exceeds its parent: take the largest, then push its "
                    "children")  # fmt: skip
    large = [([rng.dirichlet(np.ones(20)) for _ in range(3)], m) for m in (16, 200)]
    return equal_to_oracle(answer, _by_heap, large, tol=1e-9, name="is quick on 20 tokens",
                           hint="a heap of open nodes; no list of all nodes")  # fmt: skip


def best_budget(B):
    """Return the recorded budget with the greatest speed-up at a batch size."""
    found = records.read("trees")
    return max(SIZES, key=lambda m: roofline_speedup(
        B, found[f"clover best {m}"]["tokens"], m, RIDGE).item())  # fmt: skip


def _by_heap(dists, m):
    heap, total = [(-float(p), 1) for p in dists[0]], 0.0
    heapq.heapify(heap)
    for _ in range(m):
        value, depth = heapq.heappop(heap)
        total -= value
        if depth < len(dists):
            for p in dists[depth]:
                heapq.heappush(heap, (value * float(p), depth + 1))
    return total


@exercise("ex-clover-walk")
def walk(answer):
    """Accepted nodes of a tree in greedy decoding."""
    cases = [([5], [-1], [1]), ([5, 1, 2], [-1, 0, 0], [2, 0, 0]), ([5, 1], [-1, 0], [2, 2]),
             ([5, 1, 2, 2, 1], [-1, 0, 0, 1, 2], [2, 2, 1, 0, 3]),
             ([0, 1, 2, 1, 2, 3], [-1, 0, 0, 2, 2, 3], [2, 9, 1, 3, 3, 3])]  # fmt: skip
    return equal_to_oracle(answer, _walk, cases, name="returns the accepted nodes",
                           hint="from node 0, go to the child whose token the target chose there; "
                           "stop where there is none")  # fmt: skip


def _walk(tokens, parents, choice):
    path, at = [], 0
    for node in range(1, len(tokens)):
        if parents[node] == at and tokens[node] == choice[at]:
            path.append(node)
            at = node
    return path


@exercise("ex-clover-ratio")
def ratio(answer):
    """Total variation of the ratio rule, p = (.5, .5), q = (.8, .2), child 0 chosen."""
    wrong = {0.0: "token 0 comes out with probability .5/.8, not .5",
             0.25: "half of the sum of the differences"}  # fmt: skip
    close_to(answer, 0.125, name="the total variation", wrong=wrong)
    return "Right: (.625, .375) against (.5, .5)."


@exercise("ex-clover-budget")
def budget(answer):
    """Best recorded budget for batches of 1, 16 and 48 on a roofline."""
    for B, got in zip((1, 16, 48), entries(answer, ("1", "16", "48")), strict=True):
        right, hint = best_budget(B), "compare τ · t(B) / t(B(m + 1)) for every m"
        close_to(got, right, name=f"the best budget at B = {B}",
                 wrong={m: hint for m in SIZES if m != right})  # fmt: skip
    return "Right: the fuller the batch, the smaller the tree."

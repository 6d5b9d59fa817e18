"""Checks of the exercises on personalised PageRank."""

import numpy as np

import paralg.rounds.personalized_pagerank as pr
from paralg.rounds.personalized_pagerank.command.choice import PER_ARC, PER_JOIN
from paralg.rounds.personalized_pagerank.experiments.graphs import barabasi_albert, les_miserables
from paralg.teach.checking import call, close_to, equal_to_oracle, exercise, require, whole


@exercise("ex-personalized-pagerank-hops")
def hops(answer):
    """Mean hops of a walk at alpha = 0.2."""
    close_to(answer, 4, name="the mean number of hops", wrong={
        5: "that counts the tosses of the coin; the last one stops the walk and is no hop",
        0.2: "that is the probability to stop at once",
        0.8: "that is the probability of a first hop",
    })  # fmt: skip
    return "Right: (1 − α)/α = 0.8/0.2."


@exercise("ex-personalized-pagerank-depth")
def depth(answer):
    """Depth of the alias tree of a million arcs in records of a thousand."""
    close_to(answer, 2, name="the levels of the tree", wrong={
        3: "one level of 1,000 records already holds 1,000 · 1,000 arcs",
        1000: "that is the number of leaf records",
        1: "a single record may hold no more than 1,000 outcomes",
    })  # fmt: skip
    return "Right: ⌈log 10⁶ / log 10³⌉ = 2, a root with 1,000 children."


@exercise("ex-personalized-pagerank-crossing")
def crossing(answer):
    """Arcs at which 1,000 walks cost as much as 10 sweeps, by the constants of the command."""
    arcs = 1000 / 0.2 * PER_JOIN / (10 * PER_ARC)
    close_to(answer, arcs, tol=0.02, name="the number of arcs", wrong={
        arcs * 0.2: "each walk makes 1/α look-ups",
        arcs * 10: "each sweep reads every arc again",
        arcs * 0.8: "that counts hops; the toss that stops a walk is a look-up too",
    })  # fmt: skip
    return "Right: m = (ω/α) · c' / (S · c), and n has cancelled."


@exercise("ex-personalized-pagerank-alias")
def alias(answer):
    """An alias table, judged by the probabilities that it implies."""
    rng = np.random.default_rng(0)
    cases = [[1.0], [1.0, 1.0], [1.0, 3.0], [5.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]]
    cases += [rng.exponential(size=d).tolist() for d in (2, 3, 5, 8, 40)]

    def implied(weights):
        threshold, other = (np.asarray(part) for part in call(answer, weights))
        require(threshold.shape == other.shape == (len(weights),), "has one slot an outcome",
                failing=weights, expected=f"two lists of {len(weights)}",
                got=f"shapes {threshold.shape} and {other.shape}")  # fmt: skip
        inside = (threshold > -1e-9).all() and (threshold < 1 + 1e-9).all()
        require(inside, "keeps thresholds in [0, 1]", failing=weights, got=threshold.tolist())
        indptr = np.array([0, len(weights)])
        return pr.implied_shares(indptr, threshold, other.astype(np.int64))

    return equal_to_oracle(
        implied, lambda weights: np.array(weights) / sum(weights), cases, tol=1e-9,
        name="implies the weights",
        hint="a slot's own outcome is drawn with chance (t_i + sum of 1 − t_j over a_j = i)/d",
    )  # fmt: skip


@exercise("ex-personalized-pagerank-twohops")
def two_hops(answer):
    """A big move of two hops, against the formula for uniform depth."""
    arcs = (([0, 1], [1, 0]), ([0, 0, 1, 2], [1, 2, 2, 0]),
            ([0, 0, 0, 1, 2], [0, 1, 2, 0, 1], [1, 2, 3, 4, 5]))  # fmt: skip
    graphs = [barabasi_albert(12, 2), *(pr.Digraph.from_arcs(*one) for one in arcs)]
    cases = [(g.transition().toarray(), alpha, 0) for g in graphs for alpha in (0.2, 0.5)]

    def oracle(step, alpha, u):
        here = np.eye(len(step))[u]
        stopped = alpha * here + alpha * (1 - alpha) * here @ step
        return np.stack([stopped, (1 - alpha) ** 2 * here @ step @ step])

    return equal_to_oracle(
        lambda *case: np.stack([np.asarray(part, dtype=float) for part in answer(*case)]),
        oracle, cases, tol=1e-9, name="gives the two-hop distribution",
        hint="return (mass stopped at each node, mass alive at each node); together they are 1",
    )  # fmt: skip


@exercise("ex-personalized-pagerank-schedule")
def schedule(answer):
    """A schedule of one's own: same bits, the cap kept, no round idle without need."""
    table, omega, cap = pr.move_table(les_miserables()), 40, 600

    class Own:
        by_number = False

        def starting(self, live, waiting, sources):
            case = live, waiting, cap, omega
            count = whole(call(answer, *case), "starts a whole number of walks")
            for kept, name, expected in (
                (0 <= count <= waiting, "starts what waits", f"0 … {waiting}"),
                (live + count <= cap, "keeps the cap", f"at most {cap - live}"),
                (count % omega == 0, "starts whole sources", f"a multiple of {omega}"),
                (count or live, "starts a source when no walk is alive", "at least one source"),
            ):
                require(kept, name, failing=case, expected=expected, got=count)
            return count

    found = pr.random_walks(table, omega, schedule=Own())
    reference = pr.random_walks(table, omega, schedule=pr.AllAtOnce())
    same = all(np.array_equal(a, b) for a, b in zip(found.counts, reference.counts, strict=True))
    require(same, "gives the same counts")
    require(len(found.live) <= 70, "fills the cap", "start as many whole sources as fit",
            expected="at most 70 rounds", got=len(found.live))  # fmt: skip
    most = found.live.max()
    return f"Right: {len(found.live)} rounds, never more than {most} walks, same counts."


@exercise("ex-personalized-pagerank-conveyor")
def conveyor(answer):
    """Smallest stopping probability at which a batch of 10 keeps a cap of 1,000."""
    close_to(answer, 0.5, tol=0.011, name="the stopping probability", wrong={
        0.45: "the peak is 1,080: six pipelines are nearly the steady state",
        0.55: "the cap is kept at one notch less, too",
        0.2: "there the peak is 1,845 walks",
    })  # fmt: skip
    return "Right: the peak is 500 (1 − 0.5⁶)/0.5 = 984; the steady state would be 1,000."

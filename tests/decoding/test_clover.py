"""Trees, verification and the whole decoder on tables: enumerated, never sampled."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import Cost
from paralg.decoding import (
    HashConditional,
    RandomDraws,
    TabularJoint,
    UnmaskingRule,
    ancestral,
    distribution_of,
    exact_distribution,
    static,
    total_variation,
)
from paralg.decoding.clover import BestFirst, Budgeted, clover
from paralg.decoding.clover.theory import (
    acceptance_drawn,
    best_value,
    expected_accepted,
    roofline_speedup,
)
from paralg.decoding.clover.variants import (
    Drawn,
    Ranked,
    TableDrafter,
    UniformDrafter,
    verify_drawn,
    verify_ratio,
)
from paralg.decoding.shaping import TopK
from paralg.decoding.trees import DraftTree, certain, verify_chosen

P, Q = np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.3, 0.2])
CHOSEN = (Budgeted(4), Budgeted(0), Budgeted(6, 1.0, 0.0), BestFirst(3), Ranked.product(2, 1),
          Ranked(((0,), (2,), (2, 1))))  # fmt: skip
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def of_levels(*dists):
    """Return an ``expand`` whose distributions depend on the level alone."""
    return lambda i, states, tokens: (states, np.tile(dists[i - 1], (len(tokens), 1)))


def grown(rule, *dists, depth=None):
    return rule.grow(of_levels(*dists), np.zeros(99), 0, len(dists) if depth is None else depth)


@cache
def table(V, L, k=1, eps=1.0):
    return HashConditional(V, L, k, eps)


@cache
def sequential(V, L):
    return distribution_of(ancestral, table(V, L), [V] * L).probability


# ---- trees

FIRST, LATER = np.array([0.4, 0.35, 0.25]), np.array([0.95, 0.05, 0.0])
VALUES = {"best": (0.4, 0.78, 1.141, 1.491, 1.8235, 2.139375),
          "paper": (0.4, 0.75, 1.0, 1.38, 1.7125, 1.95)}  # fmt: skip


@pytest.mark.parametrize("m", range(1, 7))
def test_worked_values_of_both_rules(m):
    best = expected_accepted(grown(BestFirst(m), FIRST, LATER, LATER))
    assert best == pytest.approx(VALUES["best"][m - 1], abs=1e-12)
    paper = expected_accepted(grown(Budgeted(m, 1.0, 0.0), FIRST, LATER, LATER))
    assert paper == pytest.approx(VALUES["paper"][m - 1], abs=1e-12)


def test_the_figure_of_the_paper():
    """Budget 4: a and b, then 0.40 under a and 0.09 under b, whatever the ties are."""
    heads = {1: [[0.5, 0.3, 0.1, 0.05, 0.05]],
             2: [[0.8, 0.1, 0.05, 0.05, 0.0], [0.3, 0.1, 0.3, 0.2, 0.1]]}  # fmt: skip

    def expand(i, states, tokens):
        return states, np.array(heads[i])[: len(tokens)]

    tree = Budgeted(4).grow(expand, np.zeros(2), 4, 2)
    assert tree.tokens.tolist() == [4, 0, 1, 0, 0]
    assert tree.parents.tolist() == [-1, 0, 0, 1, 2]
    np.testing.assert_allclose(tree.joint, [1, 0.5, 0.3, 0.4, 0.09])
    assert Budgeted(1).grow(expand, np.zeros(2), 4, 2).tokens.tolist() == [4, 0]


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
@few
def test_best_first_is_the_best_of_all_trees(rng, V, K, m):
    dists = [rng.dirichlet(np.ones(V)) for _ in range(K)]
    m = min(m, sum(V**i for i in range(1, K + 1)))
    found = expected_accepted(grown(BestFirst(m), *dists))
    assert found == pytest.approx(best_value(dists, m), abs=1e-12)
    assert expected_accepted(grown(Budgeted(m, 1, 0), *dists)) <= found + 1e-12


@given(seeds, st.integers(2, 6), st.integers(1, 6))
@few
def test_a_budgeted_tree_keeps_probable_tokens_only(rng, V, m):
    dists = [rng.dirichlet(np.ones(V)) for _ in range(3)]
    tree = grown(Budgeted(m, 0.8, 0.25), *dists)
    assert len(tree) <= m + 1
    for node in range(1, len(tree)):
        dist = dists[tree.depth[node] - 1]
        token = tree.tokens[node]
        assert dist[token] >= dist.max() / 4 - 1e-9
        assert dist[dist > dist[token]].sum() < 0.8


@pytest.mark.parametrize(("rule", "shape"), [
    (Ranked.product(2, 3), (2, 6)), (Ranked.product(1, 1, 1), (1, 1, 1)), (Ranked(()), ()),
    (Ranked(((1,), (0,), (1, 0))), (2, 1))])  # fmt: skip
def test_fixed_trees(rule, shape):
    tree = grown(rule, FIRST, FIRST, FIRST)
    assert np.bincount(tree.depth, minlength=1)[1:].tolist() == list(shape)
    assert rule.m == sum(shape) == len(tree) - 1


def test_a_product_tree_needs_twice_the_leaves():
    """Two words that go together, each half of the time."""

    def joined(i, states, tokens):
        after = {0: [0, 0, 1, 0], 1: [0, 0, 0, 1], 9: [0.5, 0.5, 0, 0]}
        return states, np.array([after[t] for t in tokens], float)

    apart = of_levels([0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5])
    values = {}
    for m in (2, 4, 6):
        product = BestFirst(m).grow(apart, np.zeros(9), 9, 2)
        values[m] = expected_accepted(product, joined, np.zeros(9))
    tree = BestFirst(4).grow(joined, np.zeros(9), 9, 2)
    assert expected_accepted(tree, joined, np.zeros(9)) == expected_accepted(tree) == 2.0
    assert values == {2: 1.0, 4: 1.5, 6: 2.0}


def test_mask_children_path_and_select():
    tree = DraftTree(np.array([5, 1, 2, 1, 0]), np.array([-1, 0, 0, 2, 3]), np.ones(5))
    assert tree.mask.astype(int).tolist() == [
        [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 1, 1, 0], [1, 0, 1, 1, 1]]
    assert (tree.path(4), tree.children(0), tree.children(4)) == ([0, 2, 3, 4], [1, 2], [])
    cut = tree.select(np.array([0, 2, 3]))
    assert (cut.tokens.tolist(), cut.parents.tolist()) == ([5, 2, 1], [-1, 0, 1])


# ---- verification


def one_level(children, q=None):
    tokens = np.array([0, *children])
    dists = () if q is None else (q, *[None] * len(children))
    return DraftTree(tokens, np.array([-1, *[0] * len(children)]), np.ones(len(tokens)), dists)


def next_token(verify, p, tree_of):
    """Return the distribution of the token after t₀, and the probability that it was a draft."""
    after = np.eye(len(p))[0]

    def once(rng):
        tree = tree_of(rng)
        verdict = verify(tree, np.stack([p] + [after] * (len(tree) - 1)), rng)
        drafted = len(verdict.path) > 1
        token = tree.tokens[verdict.path[1]] if drafted else verdict.bonus
        return (int(token), drafted), 1

    found = exact_distribution(once).probability
    dist = [sum(w for (v, _), w in found.items() if v == token) for token in range(len(p))]
    return np.array(dist), sum(w for (_, drafted), w in found.items() if drafted)


def drawn(q, k):
    return lambda rng: Drawn((k,)).grow(of_levels(q), np.zeros(9), 0, 1, rng)


@given(seeds, st.integers(2, 3), st.integers(0, 3))
@few
def test_both_rules_leave_the_target_alone(rng, V, k):
    p, q = rng.dirichlet(np.ones(V), 2)
    children = rng.permutation(V)[: min(k, V)]
    dist, accepted = next_token(verify_chosen, p, lambda rng: one_level(children))
    np.testing.assert_allclose(dist, p, atol=1e-12)
    assert accepted == pytest.approx(p[children].sum(), abs=1e-12)
    if k:
        dist, accepted = next_token(verify_drawn, p, drawn(q, k))
        np.testing.assert_allclose(dist, p, atol=1e-12)
        assert accepted == pytest.approx(acceptance_drawn(p, q, min(k, V)), abs=1e-12)


def test_the_worked_case_of_the_three_rules():
    dist, accepted = next_token(verify_ratio, P, lambda rng: one_level([0, 1], Q))
    np.testing.assert_allclose(dist, [0.4, 0, 0.6], atol=1e-12)
    assert np.abs(dist - P).sum() / 2 == pytest.approx(0.3)
    assert next_token(verify_chosen, P, lambda rng: one_level([0, 1]))[1] == pytest.approx(0.5)
    assert next_token(verify_drawn, P, drawn(Q, 2))[1] == pytest.approx(0.82)


def test_certain_takes_the_lowest_of_equals():
    assert certain(np.array([[0.3, 0.3 + 1e-15, 0.4 - 1e-15], [0.4, 0.4 + 1e-14, 0.2]])).argmax(
        axis=1).tolist() == [2, 0]  # fmt: skip


# ---- the whole decoder on tables


@pytest.mark.parametrize("rule", CHOSEN)
def test_chosen_trees_sample_exactly_whatever_the_drafter(rule):
    for V, drafter in ((3, TableDrafter(table(3, 4, k=2, eps=0.5), 2)), (2, UniformDrafter(2))):
        found = distribution_of(clover, table(V, 4), [V] * 4, drafter=drafter, rule=rule)
        assert total_variation(found.probability, sequential(V, 4)) <= 1e-12
        assert found.runs == V**4  # each answer is reached in one way


@pytest.mark.parametrize("widths", [(1, 1), (2,), (2, 1)])
def test_drawn_trees_sample_exactly(widths):
    drafter = TableDrafter(table(2, 4, k=2, eps=0.5), 2)
    found = distribution_of(clover, table(2, 4), [2] * 4, drafter=drafter, rule=Drawn(widths),
                            verify=verify_drawn)  # fmt: skip
    assert total_variation(found.probability, sequential(2, 4)) <= 1e-12


def test_the_ratio_on_chosen_children_does_not():
    drafter = TableDrafter(table(3, 4, k=2, eps=0.5), 2)
    found = distribution_of(clover, table(3, 4), [3] * 4, drafter=drafter, rule=BestFirst(2),
                            verify=verify_ratio)  # fmt: skip
    assert total_variation(found.probability, sequential(3, 4)) > 0.1


def test_any_order_and_any_given_tokens():
    joint, x = TabularJoint.random(2, 4, seed=1), np.array([2, 1, 2, 2])
    options = {"order": np.array([3, 0, 2]), "shape": TopK(2)}
    exact = distribution_of(ancestral, joint, x, **options).probability
    found = distribution_of(clover, joint, x, drafter=UniformDrafter(2), rule=BestFirst(3),
                            **options)  # fmt: skip
    assert total_variation(found.probability, exact) <= 1e-12


def test_greedy_equals_static_decoding_with_any_drafter():
    rule = UnmaskingRule(order="left-to-right")
    for k in range(3):
        model, x = table(4, 12, k), np.array([1, k % 4, *[4] * 10])
        plain = static(Causal(model), x, rule)
        for drafter in (TableDrafter(model), TableDrafter(table(4, 12, 9)), UniformDrafter(4, 1)):
            for tree in (Budgeted(4), BestFirst(7), Ranked.product(2, 2, 2)):
                assert clover(model, x, drafter, tree).trace == plain.trace


class Causal(HashConditional):
    """A table whose ``denoise`` sees what lies before a position only."""

    def __init__(self, model):
        super().__init__(model.V, model.L, model.k, model.eps)

    def answer(self, x, at):
        before = np.tile(np.arange(self.L) < at[:, None], (len(x), 1, 1)) & (x != self.V)[:, None]
        return self._ask(x, before, at)


@pytest.mark.parametrize(("L", "given", "calls"), [
    (1, 1, 0), (1, 0, 1), (2, 0, 2), (5, 0, 2), (6, 0, 3), (9, 1, 3), (12, 12, 0)])  # fmt: skip
def test_a_drafter_that_is_always_right_takes_the_fewest_calls(L, given, calls):
    """One call for the prompt, then K + 1 = 4 tokens a call."""
    model = table(3, L)
    x = np.array([0] * given + [3] * (L - given))
    found = clover(model, x, TableDrafter(model), Ranked.product(1, 1, 1))
    assert found.forwards == calls
    assert (found.tokens < 3).all()


def test_counts_and_events():
    model = table(3, 8)
    found = clover(model, [3] * 8, TableDrafter(table(3, 8, 5)), BestFirst(4), rng=RandomDraws(1))
    events = found.trace.events
    assert len(found.trace.commits) == 8
    for n in range(1, found.trace.rounds):
        here = {what: [e for e in events if e.round == n and e.what == what]
                for what in ("proposed", "accepted", "rejected", "committed")}  # fmt: skip
        assert len(here["committed"]) == len(here["accepted"]) + 1
        assert len(here["proposed"]) <= 4
        assert len(here["accepted"]) + len(here["rejected"]) <= len(here["proposed"])
    assert found.cost == sum(found.trace.costs, Cost())
    assert found.cost.rows <= 1 + 4 * (found.forwards - 1)


def test_decoding_stops_at_the_end_token():
    model = table(3, 10)
    whole = clover(model, [3] * 10, TableDrafter(model)).tokens
    for end in range(3):
        place = np.flatnonzero(whole == end)
        found = clover(model, [3] * 10, TableDrafter(model), end=end)
        first = place[0] if len(place) else 10
        expected = np.where(np.arange(10) < first, whole, end)
        assert (found.tokens == expected).all()
        assert len(found.trace.commits) == 10


def test_a_shape_is_applied_to_the_target_alone():
    model = table(4, 8)
    sharp = clover(model, [4] * 8, UniformDrafter(4), rng=RandomDraws(0), shape=TopK(1))
    assert (sharp.tokens == clover(model, [4] * 8, UniformDrafter(4)).tokens).all()


# ---- what a step is worth


def test_a_roofline():
    curve = roofline_speedup([1, 25, 30, 150, 300], tokens=1.66, m=5, ridge=150)
    np.testing.assert_allclose(curve, [1.66, 1.66, 1.66 / 1.2, 1.66 / 6, 1.66 / 6], rtol=1e-9)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: clover(table(3, 4), [3, 1, 3, 3], UniformDrafter(3)), "a prefix, or an order"),
    (lambda: clover(table(3, 4), [3] * 4, None), "drafter must be a Drafter"),
    (lambda: clover(table(3, 4), [3] * 4, UniformDrafter(3), "best"), "rule must be a TreeRule"),
    (lambda: clover(table(3, 4), [3] * 4, UniformDrafter(3), end=3), "end must"),
    (lambda: Ranked(((0, 1),)), "expected every beginning of a path"),
    (lambda: Budgeted(-1), "m must"), (lambda: Budgeted(4, mass=2), "mass must"),
    (lambda: BestFirst(2.5), "m must"), (lambda: Drawn((0,)), "a width must"),
    (lambda: DraftTree(np.zeros(2, int), np.array([-1, 1]), np.ones(2)), "every parent before"),
    (lambda: TableDrafter("x"), "table must"), (lambda: UniformDrafter(0), "V must"),
    (lambda: best_value([P], 4), "m must")])  # fmt: skip
def test_errors_say_what_was_expected(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()

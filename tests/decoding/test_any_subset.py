"""The exact distribution by enumeration, the bound on every run, masks, drafts, and what biases."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.any_subset import (
    BigramCounts,
    assd,
    bigram_assd,
    call_bounds,
    expected_tokens,
    independent,
    independent_joint,
    lattice_order,
    lenient_assd,
    log_density,
    order_joint,
    order_spread,
)
from paralg.decoding.any_subset.decoder import AnySubset
from paralg.decoding.arena import entrants
from paralg.decoding.baselines import ancestral
from paralg.decoding.randomness import (
    RandomDraws,
    distribution_of,
    exact_distribution,
    softmax,
    total_variation,
)
from paralg.decoding.shaping import Chain, Temperature, TopK
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional, TabularJoint, multi_information

H24 = HashConditional(2, 4, k=0, eps=1.0)
EMPTY = [2] * 4


def joint_by_hand(model, x, order=None, hook=None):
    """The oracle: ask the table for one conditional after the other, in loops."""
    x = list(x)
    order = [i for i, v in enumerate(x) if v == model.V] if order is None else order
    found = {}
    for values in itertools.product(range(model.V), repeat=len(order)):
        y, p = list(x), 1.0
        for i, v in zip(order, values, strict=True):
            logits = model.cond(y, {j for j, w in enumerate(y) if w < model.V}, i)
            logits = logits if hook is None else hook(logits[None, None], np.array([i]))[0, 0]
            p *= softmax(logits)[v]
            y[i] = v
        found[tuple(y)] = p
    return found


# ---- the whole decoder


@pytest.mark.parametrize(("k", "calls", "runs"), [
    (1, {7: 1.0}, 16), (2, {4: 1.0}, 36), (3, {3: 0.87896, 4: 0.12104}, 48),
    (4, {2: 0.81243, 3: 0.06652, 4: 0.12104}, 88)])  # fmt: skip
def test_worked_cases(k, calls, runs):
    found = distribution_of(assd, H24, EMPTY, k=k)
    assert total_variation(found.probability, joint_by_hand(H24, EMPTY)) <= 1e-12
    assert {c: round(p, 5) for c, p in found.calls.items()} == calls
    assert found.runs == runs


@pytest.mark.parametrize(("V", "x", "order", "k", "mean"), [
    (2, [2, 1, 2, 0, 2], [4, 0, 2], 3, 2.328395), (2, [0, 1, 1, 0], [], 3, 0),
    (2, [0, 1, 2, 0], None, 4, 1), (2, [2, 2, 2, 1], [1, 2, 0], 2, 3),
    pytest.param(3, [3] * 4, None, 4, 2.236619, marks=pytest.mark.weekly)])  # fmt: skip
def test_orders_and_prompts(V, x, order, k, mean):
    model = HashConditional(V, len(x), k=0, eps=1.0)
    found = distribution_of(assd, model, x, k=k, order=order)
    assert total_variation(found.probability, joint_by_hand(model, x, order)) <= 1e-12
    assert found.expected_calls == pytest.approx(mean, abs=1e-6)


def test_a_joint_is_sampled_in_every_order():
    joint = TabularJoint.random(3, 3, seed=1)
    for order in ([0, 1, 2], [2, 0, 1]):
        for decode in (assd, bigram_assd):
            found = distribution_of(decode, joint, [3] * 3, k=3, order=list(order))
            assert total_variation(found.probability, joint.distribution()) <= 1e-12


@pytest.mark.parametrize(("x", "order", "k"), [
    ([1, 2, 2, 2], None, 3), (EMPTY, None, 2), (EMPTY, None, 4), ([2, 2, 0, 2], None, 3),
    ([2, 0, 2, 2], [2, 3, 0], 3), ([2, 2, 1, 2], [3, 1, 0], 2)])  # fmt: skip
def test_bigram_drafts_leave_the_distribution_alone(x, order, k):
    found = distribution_of(bigram_assd, H24, x, k=k, order=order)
    assert total_variation(found.probability, joint_by_hand(H24, x, order)) <= 1e-12
    assert max(found.calls) <= sum(v == 2 for v in x)
    if x[0] == 1:
        assert {c: round(p, 5) for c, p in found.calls.items()} == {
            1: 0.14428, 2: 0.61321, 3: 0.24251}  # fmt: skip
        assert found.expected_calls == pytest.approx(2.098235, abs=1e-6)


def test_p_and_q_are_both_shaped_and_drafts_alone_may_be():
    cold = Temperature(0.5)
    found = distribution_of(assd, H24, EMPTY, k=4, draft_shape=cold)
    assert total_variation(found.probability, joint_by_hand(H24, EMPTY)) <= 1e-12
    assert found.expected_calls == pytest.approx(2.460833, abs=1e-6)
    model, shape = HashConditional(3, 3, k=1, eps=1.0), Chain(Temperature(0.7), TopK(2))
    for decode in (assd, bigram_assd):
        shaped = distribution_of(decode, model, [3, 0, 3], k=2, shape=shape)
        right = joint_by_hand(model, [3, 0, 3], hook=shape)
        assert total_variation(shaped.probability, right) <= 1e-12


def test_a_tempered_first_draft_cannot_be_accepted_unseen():
    run = AnySubset(H24, EMPTY, 3, RandomDraws(0))
    q = run.drafts(run.x, 0, 3)
    run.judge(q)
    with pytest.raises(RuntimeError, match="both masks to say the same of the first target"):
        run.judge(softmax(2 * np.log(q)))


@pytest.mark.weekly
def test_grids_with_a_given_row():
    x = [0, 1, 2, 3] + [4] * 12
    found = distribution_of(assd, Sudoku4(), x, k=4)
    np.testing.assert_allclose(list(found.probability.values()), 1 / 12, atol=1e-12)
    assert len(found.probability) == 12
    calls = {6: 1 / 6, 7: 1 / 4, 8: 4 / 9, 9: 1 / 12, 10: 1 / 18}
    assert found.calls == pytest.approx(calls, abs=1e-12)
    assert found.expected_calls == pytest.approx(7.6111, abs=1e-4)


# ---- calls and traces


@given(st.integers(2, 4), st.integers(1, 8), st.integers(1, 9), st.integers(0, 2**20),
       st.sampled_from((assd, bigram_assd, lenient_assd)), st.booleans())  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_no_run_exceeds_the_bound(V, L, k, seed, decode, shuffled):
    rng = np.random.default_rng(seed)
    model = HashConditional(V, L, k=seed % 7, eps=float(rng.choice([0, 0.3, 1, 3])))
    x = np.where(rng.random(L) < rng.random(), V, rng.integers(0, V, L))
    order = lattice_order(x, V)
    order = rng.permutation(order) if shuffled else order
    options = {"tolerance": 0.2} if decode is lenient_assd else {}
    run = decode(model, x, k, rng=RandomDraws(seed), order=order, **options)
    u = len(order)
    least, most = call_bounds(u, k)
    if decode is bigram_assd:
        assert run.forwards <= max(most, u)
    else:
        assert least <= run.forwards <= most
        full = run.trace.committed[: -1 if u else None]
        assert (full >= min(k, 2)).all()
        last = [] if u == 0 else run.trace.costs[-1:]
        assert all(c.calls == 2 for c in run.trace.costs[:-1])
        assert all(c.calls == 1 + (run.trace.committed[-1] > 1 or k > 1 and c.calls == 2)
                   for c in last)  # fmt: skip
    assert (run.tokens < V).all()
    assert run.trace.order == tuple((i, run.tokens[i]) for i in order)
    assert run.cost.tokens <= run.forwards * (L + k)
    if k == 2 and decode is assd:
        assert run.forwards == u


def test_the_bound_is_attained_and_so_is_the_least():
    assert [call_bounds(u, 5) for u in (0, 1, 2, 5, 6, 7)] == [
        (0, 0), (1, 1), (2, 2), (2, 5), (3, 6), (4, 7)]  # fmt: skip
    for u, k in itertools.product(range(1, 6), range(1, 6)):
        free = distribution_of(assd, HashConditional(2, u, eps=0), [2] * u, k=k)
        assert set(free.calls) == {call_bounds(u, k)[0]}
    copies = TabularJoint(np.eye(2)[:, :, None, None] * np.eye(2)[None, None] / 4)
    calls = distribution_of(assd, copies, EMPTY, k=4).calls
    assert max(calls) <= 4


def test_expected_tokens_of_a_round():
    assert expected_tokens([]) == 2
    for a, k in itertools.product((0.0, 0.2, 0.9), (2, 3, 5, 8)):
        assert expected_tokens([a] * (k - 2)) == pytest.approx(2 + a * (1 - a ** (k - 2)) / (1 - a))
    assert expected_tokens([1.0] * 3) == 5

    def first_round(rng):
        run = AnySubset(H24, EMPTY, 4, rng)
        q = run.drafts(run.x, 0, 4)
        p = run.judge(q)
        x = run.x[run.order[:4]]
        rates = tuple(np.minimum(1, p[range(4), x] / q[range(4), x])[1:3])
        run.verify(run.order[:4], p, q)
        return (rates, run.done), 1

    found = exact_distribution(first_round).probability
    counted = sum(done * w for (_, done), w in found.items())
    told = sum(expected_tokens(rates) * w for (rates, _), w in found.items())
    assert counted == pytest.approx(told)


# ---- masks and density


def test_the_lattice_has_one_next_position_for_every_set():
    nexts = {}
    for given_bits in itertools.product([True, False], repeat=4):
        order, known = lattice_order(np.where(given_bits, 0, 2), 2), set(np.flatnonzero(given_bits))
        for i in order:
            nexts.setdefault(frozenset(known), set()).add(int(i))
            known.add(i)
    assert len(nexts) == 2**4 - 1
    assert all(len(one) == 1 for one in nexts.values())


def test_the_density_is_the_product_of_conditionals():
    x, start, order = [1, 0, 1, 1], [2, 0, 2, 2], [3, 0, 2]
    for path in (None, order):
        logs = log_density(H24, x, start, order=path)
        assert np.exp(logs.sum()) == pytest.approx(joint_by_hand(H24, start, path)[tuple(x)])
    assert log_density(H24, x, x).shape == (0,)
    right = Sudoku4().puzzle(0, 16)
    wrong = np.where(np.arange(16) == 3, (right + 1) % 4, right)
    assert np.isneginf(log_density(Sudoku4(), wrong, [4] * 16)).any()


def test_orders_agree_on_a_joint_and_not_on_conditionals():
    for order in (None, [3, 1, 0, 2]):
        found = order_joint(H24, EMPTY, order)
        assert total_variation(found, joint_by_hand(H24, EMPTY, order)) <= 1e-12
    assert order_spread(H24, EMPTY) == pytest.approx(0.7246, abs=1e-4)
    assert order_spread(TabularJoint.random(2, 4), EMPTY) <= 1e-12
    assert order_joint(H24, [0, 1, 0, 1]) == {(0, 1, 0, 1): 1.0}


# ---- drafts by pairs


def test_pairs_are_counted_once_each():
    counts = BigramCounts([0, 1, 0, 1, 2, 3, 3, 1], V=3)
    np.testing.assert_array_equal(counts.after(0), [0, 1, 0])
    np.testing.assert_array_equal(counts.after(1), [0.5, 0, 0.5])
    np.testing.assert_allclose(counts.after(2), np.array([2, 3, 1]) / 6)  # never followed
    counts.write(6, 0)
    np.testing.assert_allclose(counts.after(0), [0, 1, 0])
    counts.write(5, 2)
    np.testing.assert_allclose(counts.after(2), [0.5, 0, 0.5])
    assert (counts.single.sum(), counts.pairs.sum()) == (8, 7)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_counts_do_not_depend_on_the_order_of_writing(x, seed):
    order = np.random.default_rng(seed).permutation(len(x))
    counts = BigramCounts([4] * len(x), 4)
    for i in order:
        counts.write(int(i), x[i])
    pairs = Counter(itertools.pairwise(x))
    assert {(a, b): counts.pairs[a, b] for a, b in pairs} == pairs
    assert counts.pairs.sum() == len(x) - 1


def test_bigram_rounds_are_one_call_and_the_first_position_asks_the_network():
    run = bigram_assd(H24, [2, 2, 2, 2], 2, rng=RandomDraws(3))
    costs = [cost.calls for cost in run.trace.costs]
    assert costs[0] == 2
    assert set(costs[1:]) <= {1}
    assert {e.position for e in run.trace.events if e.what == "rejected"} <= {1, 2, 3}


# ---- what the guarantee is worth


def test_a_lenient_test_and_no_test_are_biased():
    right = joint_by_hand(H24, EMPTY)
    lenient = distribution_of(lenient_assd, H24, EMPTY, k=4, tolerance=0.1)
    assert total_variation(lenient.probability, right) == pytest.approx(0.141, abs=1e-3)
    strict = distribution_of(lenient_assd, H24, EMPTY, k=4, tolerance=0.0)
    assert total_variation(strict.probability, right) <= 1e-12
    apart = distribution_of(independent, H24, EMPTY, k=4)
    assert set(apart.calls) == {1}
    p = softmax(H24.anyorder([EMPTY], np.arange(4), 0))[0]
    by_hand = {y: np.prod([p[i, v] for i, v in enumerate(y)])
               for y in itertools.product(range(2), repeat=4)}  # fmt: skip
    assert total_variation(apart.probability, by_hand) <= 1e-12


def test_multi_information_is_what_independence_costs():
    table = TabularJoint.random(2, 3, seed=5)
    joint = table.distribution()
    marginals = independent_joint(joint)
    assert multi_information(table) == pytest.approx(
        sum(p * np.log(p / marginals[y]) for y, p in joint.items()))
    apart = TabularJoint(np.array([*marginals.values()]).reshape(2, 2, 2))
    assert multi_information(apart) == pytest.approx(0, abs=1e-12)
    assert sum(marginals.values()) == pytest.approx(1)
    assert multi_information(TabularJoint(np.eye(2) / 2)) == pytest.approx(np.log(2))


def test_grids_decoded_independently_are_rarely_valid():
    prompts = [Sudoku4().puzzle(seed, 4) for seed in range(12)]
    ways = {"exact": (assd, 4), "apart": (independent, 2)}
    shares = {name: np.mean([is_valid(decode(Sudoku4(), x, k, rng=RandomDraws(0, i)).tokens)
                             for i, x in enumerate(prompts)])
              for name, (decode, k) in ways.items()}  # fmt: skip
    assert shares["exact"] == 1
    assert shares["apart"] < 0.75


def test_serial_decoding_is_the_baseline():
    x = [2, 1, 2, 2]
    slow = ancestral(H24, x, rng=RandomDraws(1), order=lattice_order(x, 2))
    assert slow.cost.tokens == 3 * (4 + 1)
    ours = [one for one in entrants() if "ASSD" in one.name]
    assert [one.promise for one in ours] == ["same distribution"] * 2


@pytest.mark.parametrize(("call", "message"), [
    (lambda m: assd(m, EMPTY, 0, rng=RandomDraws()), "k must be at least 1, got 0"),
    (lambda m: assd(m, EMPTY, rng=RandomDraws(), order=[0, 1]), "expected an order of the masked"),
    (lambda m: lenient_assd(m, EMPTY, tolerance=-1, rng=RandomDraws()), "tolerance must be at lea"),
    (lambda m: lattice_order([0, 5], 2), r"expected tokens in 0\.\.2"),
    (lambda m: log_density(m, [2, 0, 0, 0], EMPTY), "expected x without masks that agrees with"),
    (lambda m: log_density(m, [1, 0, 0, 0], [0, 2, 2, 2]), "expected x without masks that agrees"),
    (lambda m: expected_tokens([1.5]), r"expected rates in \[0, 1\], got \[1.5\]"),
    (lambda m: call_bounds(-1, 2), "u must be at least 0, got -1"),
    (lambda m: order_spread(HashConditional(2, 8), [2] * 8), "at most six masks, got 8"),
    (lambda m: order_joint(HashConditional(8, 8), [8] * 8), r"at most 100000 completions, got 8\^"),
    (lambda m: BigramCounts([0, 2, 1], 2).write(0, 1), "a place that is counted once, got 0 again"),
    (lambda m: BigramCounts([2, 2], 2).after(0), "a token that was counted, got none"),
    (lambda m: independent_joint({(0,): 0.4}), "p must")])  # fmt: skip
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call(H24)

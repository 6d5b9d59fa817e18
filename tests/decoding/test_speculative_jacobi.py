"""The exact distribution by enumeration, counts, the fixed point, and what breaks exactness."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import Cost
from paralg.decoding.arena import decode_all, entrants
from paralg.decoding.baselines import ancestral
from paralg.decoding.randomness import (
    RandomDraws,
    distribution_of,
    exact_distribution,
    softmax,
    total_variation,
)
from paralg.decoding.shaping import AllowedTokens, Chain, Guidance, Temperature, TopK
from paralg.decoding.speculative_jacobi import (
    Initialiser,
    coincidence,
    coupled,
    expected_tokens,
    extended,
    fixed_point,
    forward_bounds,
    kept,
    matched,
    overlap,
    relabelled,
    residual,
    speculative_jacobi,
    verified,
)
from paralg.decoding.speculative_jacobi.decoder import SpeculativeJacobi
from paralg.decoding.speculative_jacobi.initialisers import KINDS
from paralg.decoding.tables import HashConditional, TabularJoint
from paralg.decoding.tiers import tier

EXACT = (speculative_jacobi, kept, coupled, extended, matched)
BY_PLACE = Initialiser("position")
few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


class Remembered(HashConditional):
    """A table that computes each answer once: enumeration asks the same ones again and again."""

    def causal(self, x, *, at=None):
        return self._causal(tuple(x[0].tolist()), tuple(np.asarray(at).tolist()))

    @cache  # noqa: B019
    def _causal(self, x, at):
        return super().causal(np.array([x]), at=at)


@cache
def table(V, L, eps):
    return Remembered(V, L, 1, eps)


def enumerated(decode, model, **options):
    return distribution_of(decode, model, [model.V] * model.L, **options)


@cache
def sequential(model, shape=None):
    return enumerated(ancestral, model, shape=shape).probability


# ---- one test


def drawn(rng, V):
    p = rng.dirichlet(np.ones(V))
    return np.where(p < p.max(), p * (rng.random(V) < 0.7), p)


@given(seeds, st.integers(1, 6))
@few
def test_a_verified_draft_follows_p(rng, V):
    p, q = (x / x.sum() for x in (drawn(rng, V), drawn(rng, V)))
    np.testing.assert_allclose(verified(p, q), p, atol=1e-12)
    np.testing.assert_allclose(residual(p, q).sum(), 1)
    assert overlap(p, q) == pytest.approx(1 - np.abs(p - q).sum() / 2)
    assert coincidence(p, q) <= overlap(p, q) + 1e-12
    assert (residual(p, p) == p).all()


def test_the_enumerator_agrees_with_the_closed_form_when_the_test_uses_a_wrong_q():
    p, used, truth = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6]), np.array([0.6, 0.1, 0.3])

    def once(rng):
        token = rng.categorical(truth)
        kept_it = rng.accept(p[token] / used[token])
        return token if kept_it else rng.categorical(residual(p, used)), 1

    found = exact_distribution(once).probability
    np.testing.assert_allclose([found[v] for v in range(3)], verified(p, used, truth), atol=1e-12)
    assert np.abs(verified(p, used, truth) - p).max() > 0.1


@pytest.mark.parametrize(("rates", "bonus", "mean"), [
    ([], True, 1), ([], False, 1), ([0.7], True, 1.7), ([0.7], False, 1), ([1, 1], True, 3),
    ([0.5] * 4, True, (1 - 0.5**5) / 0.5), ([0, 1], True, 1)])  # fmt: skip
def test_expected_tokens(rates, bonus, mean):
    assert expected_tokens(rates, bonus) == pytest.approx(mean)


# ---- the whole decoder


@pytest.mark.parametrize(
    ("V", "L", "W", "eps", "one_hot", "declared"),
    [(2, 4, 2, 0.1, (2.9124, 24), (2.1831, 124)), (2, 5, 3, 0.1, (2.8710, 137), None),
     (3, 4, 2, 1.0, (2.6519, 165), None), (3, 3, 2, 3.0, (2.4261, 47), (1.8009, 327)),
     pytest.param(2, 5, 3, 0.1, (2.8710, 137), (2.2497, 1840), marks=pytest.mark.weekly),
     pytest.param(3, 4, 2, 1.0, (2.6519, 165), (2.1766, 2367), marks=pytest.mark.weekly)],
)  # fmt: skip
def test_worked_cases(V, L, W, eps, one_hot, declared):
    model = table(V, L, eps)
    pairs = [(BY_PLACE, one_hot), (Initialiser(declared=True), declared)]
    for initialiser, wanted in pairs if declared else pairs[:1]:
        found = enumerated(speculative_jacobi, model, W=W, initialiser=initialiser)
        assert total_variation(found.probability, sequential(model)) <= 1e-12
        assert (round(found.expected_calls, 4), found.runs) == wanted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("declared", [False, True])
def test_every_initialiser_leaves_the_distribution_alone(kind, declared):
    model = table(2, 4, 1.0)
    for decode, W in ((speculative_jacobi, 2), (extended, 1)):
        found = enumerated(decode, model, W=W, initialiser=Initialiser(kind, 2, declared=declared))
        assert total_variation(found.probability, sequential(model)) <= 1e-12
        assert max(found.calls) <= 4


@pytest.mark.parametrize("decode", EXACT)
def test_every_exact_variant_at_every_window(decode):
    widest = 2 if decode is matched else 3  # it has by far the most branches
    for (V, L, eps), W in itertools.product(((2, 4, 0.1), (3, 3, 3.0)), range(widest + 1)):
        model = table(V, L, eps)
        found = enumerated(decode, model, W=W, initialiser=BY_PLACE)
        assert total_variation(found.probability, sequential(model)) <= 1e-12


@pytest.mark.parametrize("decode", [speculative_jacobi, coupled])
def test_p_and_q_are_both_shaped(decode):
    model, x = table(3, 3, 1.0), [3] * 3
    shape = Chain(Temperature(0.7), TopK(2))
    slow = distribution_of(ancestral, model, x, shape=shape)
    fast = distribution_of(decode, model, x, W=2, shape=shape, initialiser=Initialiser(tokens=2))
    assert total_variation(fast.probability, slow.probability) <= 1e-12


def test_any_order_and_given_tokens():
    joint = TabularJoint.random(2, 4, seed=3)
    x, order = [2, 1, 2, 2], [3, 0, 2]
    slow = distribution_of(ancestral, joint, x, order=order)
    pairs = ((speculative_jacobi, BY_PLACE), (extended, BY_PLACE),
             (speculative_jacobi, Initialiser("left")))  # what is on the left is not known yet
    for decode, initialiser in pairs:
        fast = distribution_of(decode, joint, x, W=2, order=order, initialiser=initialiser)
        assert total_variation(fast.probability, slow.probability) <= 1e-12


@pytest.mark.parametrize("V, L, W, eps, least", [
    (2, 4, 2, 0.1, 0.7), (2, 4, 3, 0.1, 0.9), (2, 5, 3, 0.1, 0.9), (3, 3, 2, 0.1, 0.4),
    (3, 4, 2, 0.1, 0.4), (2, 4, 3, 3.0, 0.6), (2, 5, 3, 3.0, 0.6), (3, 3, 2, 3.0, 0.08),
    (2, 4, 2, 3.0, 0.01)])  # fmt: skip
def test_relabelling_is_biased(V, L, W, eps, least):
    """Drafts are deterministic: random ones hide much of the bias."""
    model = table(V, L, eps)
    found = enumerated(relabelled, model, W=W, initialiser=BY_PLACE)
    assert total_variation(found.probability, sequential(model)) > least


def test_redrawing_buys_speed_not_exactness_and_may_cost_it():
    pairs = {eps: [enumerated(decode, table(2, 4, eps), W=2, initialiser=BY_PLACE).expected_calls
                   for decode in (speculative_jacobi, kept)] for eps in (0.1, 3.0)}  # fmt: skip
    assert pairs[0.1][0] < pairs[0.1][1]
    assert [round(f, 4) for f in pairs[3.0]] == [2.9716, 2.6990]


@pytest.mark.parametrize("declared", [False, True])
def test_the_first_forward_yields_the_mean_of_the_products(declared):
    """The rates depend on the drafts: averages of them, or overlaps, give another number."""
    model, W = table(2, 4, 1.0), 2

    def first(rng):
        run = SpeculativeJacobi(model, [2] * 4, W, rng, Initialiser("left", declared=declared))
        run.fill()
        p, q, x = run.read(run.x, 0, 3), run.q.copy(), run.x.copy()
        rates = tuple(min(1.0, p[i, x[i]] / q[i, x[i]]) for i in range(W))
        overlaps = tuple(overlap(p[i], q[i]) for i in range(W))
        run.verify(p)
        return (run.done, rates, overlaps), 1

    found = exact_distribution(first).probability
    mean = sum(done * pr for (done, *_), pr in found.items())
    assert mean == pytest.approx(sum(expected_tokens(a) * pr for (_, a, _), pr in found.items()))
    averaged = np.sum([np.array(a) * pr for (_, a, _), pr in found.items()], axis=0)
    assert abs(expected_tokens(averaged) - mean) > 1e-3
    of_overlaps = sum(expected_tokens(a) * pr for (*_, a), pr in found.items())
    assert (abs(of_overlaps - mean) > 1e-3) == declared


# ---- counts and traces


@given(st.integers(1, 4), st.integers(0, 12), st.integers(0, 14), st.integers(0, 99),
       st.sampled_from((*EXACT, relabelled)), st.sampled_from(KINDS))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_counts_stay_within_their_bounds(V, given_tokens, W, k, decode, kind):
    model = HashConditional(V, 12, k, 0.5)
    x = np.array([0] * given_tokens + [V] * (12 - given_tokens))
    N = 12 - given_tokens
    run = decode(model, x, W, rng=RandomDraws(k), initialiser=Initialiser(kind, 4))
    least, most = forward_bounds(N, W)
    assert least <= run.forwards <= most
    assert run.cost.rows == run.forwards
    assert run.cost.tokens <= run.forwards * (W + 1)
    assert (run.tokens < V).all()
    trace = run.trace
    assert trace.order == tuple(enumerate(run.tokens[given_tokens:].tolist(), given_tokens))
    assert (trace.committed >= 1).all()
    assert (trace.committed <= W + 1).all()
    rejected = np.bincount([e.round for e in trace.events if e.what == "rejected"],
                           minlength=trace.rounds)  # fmt: skip
    assert (rejected <= 1).all()
    accepted = sum(e.what == "accepted" for e in trace.events)
    assert accepted + run.forwards - N in (0, 1)  # a last window may be accepted whole


def test_no_drafts_is_one_token_a_forward_draw_by_draw():
    model = HashConditional(4, 10, 3, 0.5)
    slow = ancestral(model, [4] * 10, rng=RandomDraws(5))
    fast = speculative_jacobi(model, [4] * 10, 0, rng=RandomDraws(5))
    assert fast.trace == slow.trace
    assert fast.cost == slow.cost == Cost(calls=10, rows=10, tokens=10)


@pytest.mark.parametrize("noisy", [False, True])
def test_the_fixed_point_is_the_sequential_answer(noisy):
    for k, W in itertools.product(range(5), (None, 1, 3)):
        model = HashConditional(4, 10, k, 1.5)
        noise = np.random.default_rng(k).gumbel(size=(10, 4)) if noisy else np.zeros((10, 4))
        x = np.full(10, 4)
        for i in range(10):
            x[i] = (np.log(softmax(model.causal(x[None], at=[i]))[0, 0]) + noise[i]).argmax()
        run = fixed_point(model, [4] * 10, W, noise=noise)
        assert (run.tokens == x).all()
        assert run.forwards <= 10
        wrong_start = fixed_point(model, [4] * 10, W, noise=noise, initialiser=BY_PLACE)
        assert (wrong_start.tokens == x).all()


def test_as_the_temperature_falls_the_test_becomes_equality():
    model = HashConditional(4, 10, 2, 1.5)
    greedy = fixed_point(model, [4] * 10, 4, initialiser=BY_PLACE)
    cold = speculative_jacobi(model, [4] * 10, 4, rng=RandomDraws(0), initialiser=BY_PLACE,
                              shape=Temperature(1e-4))  # fmt: skip
    assert cold.trace == greedy.trace
    assert cold.forwards == greedy.forwards


def test_guidance_and_forbidden_tokens():
    model, x = HashConditional(5, 6, 4, 0.8), [3, *[5] * 5]
    allowed = np.tile(np.arange(5) < 3, (6, 1))
    shape = Chain(Guidance(2.0, at=(0,), null=4), AllowedTokens(allowed))
    run = speculative_jacobi(model, x, 3, rng=RandomDraws(1), shape=shape)
    assert run.cost.rows == 2 * run.forwards
    assert (run.tokens[1:] < 3).all()


def test_entrants_run_on_prompts_of_every_shape():
    ours = [one for one in entrants() if "Jacobi" in one.name]
    assert [one.promise for one in ours] == ["same distribution"] * 2
    for name in ("tables", "sudoku"):
        few_problems = tier(name, 2)
        for one in ours:
            assert all((run.tokens < model.V).all() for run, (model, _) in zip(
                decode_all(one, few_problems), few_problems.problems, strict=True))  # fmt: skip


@pytest.mark.parametrize(("call", "message"), [
    (lambda m: kept(m, [4] * 6, -1, rng=RandomDraws()), "W must be at least 0, got -1"),
    (lambda m: speculative_jacobi(m, [4, 0, 4, 4, 4, 4], rng=RandomDraws()), "a prefix, or an ord"),
    (lambda m: coupled(m, [4] * 6, rng=RandomDraws(), order=[0, 1]), "expected an order of"),
    (lambda m: Initialiser("below"), r"kind must be one of .*, got 'below'"),
    (lambda m: Initialiser(width=0), "width must be at least 1, got 0"),
    (lambda m: Initialiser(start=-1), "start must be at least 0, got -1"),
    (lambda m: verified([0, 1.0], [0, 1.0], [1.0, 0]), "expected q > 0 wherever"),
    (lambda m: expected_tokens([1.2]), r"rates in \[0, 1\], got \[1.2\]"),
    (lambda m: forward_bounds(-1, 2), "N must be at least 0, got -1"),
    (lambda m: fixed_point(m, [4] * 6, noise=[1.0]), r"shape \(6, 4\), got \(1,\)")])  # fmt: skip
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call(HashConditional(4, 6))

"""The exact distribution by enumeration, finite k, log Z, likelihoods, counts, and what breaks."""

import itertools
from functools import cache
from math import comb, exp, fsum, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import Cost
from paralg.decoding.arena import decode_all, entrants
from paralg.decoding.energy_diffusion import (
    Autoregressive,
    CarryOver,
    bias,
    effective_samples,
    energy_diffusion,
    energy_diffusion_batch,
    importance_weights,
    log_partition,
    masked_diffusion,
    per_position,
    reported_nats,
    resampled,
    sandwich,
    whole,
    wrong_sign,
)
from paralg.decoding.energy_diffusion.experiments.tabular import (
    completions,
    independent,
    reported_integral,
    resampled_posterior,
    sampler_output,
    shown_nats,
    step_bound,
    true_posterior,
)
from paralg.decoding.randomness import (
    RandomDraws,
    Replay,
    distribution_of,
    exact_distribution,
    total_variation,
)
from paralg.decoding.shaping import Temperature
from paralg.decoding.sudoku import Sudoku4
from paralg.decoding.tables import HashConditional, TabularJoint, multi_information
from paralg.decoding.tiers import tier

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
few = settings(max_examples=25, deadline=None)
SMALL = TabularJoint.random(2, 3, seed=0, sharpness=1.5)
PROMPT = np.array([3, 2, 3, 3])


@cache
def table():
    """The table of the chapter: weights exp(1.2 sin(1.3 + .7 n²)), three tokens, four positions."""
    w = np.exp(1.2 * np.sin(1.3 + 0.7 * np.arange(81) ** 2))
    return TabularJoint((w / w.sum()).reshape(3, 3, 3, 3))


def tv(p, q):
    return np.abs(np.asarray(p) - q).sum() / 2


def parts(model=None, x=PROMPT):
    """Brute force: proposals, target and weights of all completions, straight from the table."""
    model = model or table()
    p = model.weights.reshape((model.V,) * model.L)
    y = [y for y in itertools.product(range(model.V), repeat=model.L)
         if all(a in (b, model.V) for a, b in zip(y, x, strict=True) if b != model.V)]  # fmt: skip
    q = np.array([p[one] for one in y])
    q = q / q.sum()
    masked = [i for i, v in enumerate(x) if v == model.V]
    alone = {(i, v): fsum(q[n] for n, one in enumerate(y) if one[i] == v)
             for i in masked for v in range(model.V)}  # fmt: skip
    mu = np.array([np.prod([alone[i, one[i]] for i in masked]) for one in y])
    return mu, q, q / mu


# ---- one step


def test_what_independent_guesses_ignore():
    mu, q, _ = parts()
    np.testing.assert_allclose(independent(table())(PROMPT), mu, atol=1e-15)
    kl = float(q @ np.log(q / mu))
    assert (round(kl, 6), round(tv(mu, q), 6)) == (0.251562, 0.306769)
    assert multi_information(TabularJoint(q.reshape(3, 3, 3))) == pytest.approx(kl)
    np.testing.assert_allclose(*parts(x=[0, 2, 1, 3])[:2])  # a single mask needs no energy


def test_the_optimal_energy_recovers_the_target_and_its_negative_does_not():
    mu, q, w = parts()
    y = completions(PROMPT, 3)
    energies = Autoregressive(table())(PROMPT, y, np.log(mu))
    corrected = mu * np.exp(-energies)
    assert corrected.sum() == pytest.approx(0.3000456, abs=1e-7)
    assert tv(corrected / corrected.sum(), q) <= 1e-12
    wrong = mu * np.exp(energies)
    assert round(tv(wrong / wrong.sum(), q), 6) == 0.670668


def test_carry_over_sums_to_one_and_does_not_look_to_the_right():
    mu, q, _ = parts()
    y = completions(PROMPT, 3)
    corrected = mu * np.exp(-CarryOver(table())(PROMPT, y, np.log(mu)))
    assert corrected.sum() == pytest.approx(1, abs=1e-12)
    assert round(tv(corrected, q), 6) == 0.031082
    prefix = np.array([1, 2, 3, 3])
    mu, q, _ = parts(x=prefix)
    corrected = mu * np.exp(-CarryOver(table())(prefix, completions(prefix, 3), np.log(mu)))
    assert tv(corrected, q) <= 1e-12


@pytest.mark.parametrize("masks", [(0,), (3,), (0, 2), (1, 3), (0, 1, 2, 3)])
def test_carry_over_sums_to_one_for_any_model_and_any_masks(masks):
    model = HashConditional(3, 4, 2, 1.0)
    x = np.array([2, 0, 1, 1])
    x[list(masks)] = 3
    y = completions(x, 3)
    assert np.exp(-CarryOver(model)(x, y, np.zeros(len(y)))).sum() == pytest.approx(1, abs=1e-12)


def test_a_shift_of_all_log_mu_changes_no_weight():
    y, log_mu = completions(PROMPT, 3), np.random.default_rng(0).normal(size=27)
    weights = [importance_weights(Autoregressive(table())(PROMPT, y, log_mu + c)) for c in (0, 5)]
    np.testing.assert_allclose(*weights)


@pytest.mark.parametrize(("energies", "weights"), [
    ([3.0], [1]), ([0, np.inf], [1, 0]), ([np.inf, np.inf], [0.5, 0.5]), ([900, 901], None),
    ([[0, 0], [np.inf, 1]], [[0.5, 0.5], [0, 1]])])  # fmt: skip
def test_weights(energies, weights):
    weights = [1 / (1 + exp(-1)), 1 / (1 + exp(1))] if weights is None else weights
    np.testing.assert_allclose(importance_weights(np.array(energies)), weights)
    np.testing.assert_allclose(effective_samples(importance_weights(np.array(energies))),
                               1 / (np.array(weights) ** 2).sum(axis=-1))  # fmt: skip


# ---- finite k


def all_draws(mu, w, k):
    """The distribution of the kept candidate from all n^k draws."""
    found, mu, w = np.zeros(len(mu)), np.asarray(mu), np.asarray(w)
    rows = np.stack(np.unravel_index(np.arange(len(mu) ** k), (len(mu),) * k))
    total = w[rows].sum(axis=0)
    share = np.where(total > 0, w[rows] / np.where(total > 0, total, 1), 1 / k)
    np.add.at(found, rows.ravel(), (mu[rows].prod(axis=0) * share).ravel())
    return found


def test_the_distribution_of_finite_k():
    mu, q, w = parts()
    found = [resampled(mu, w, k) for k in (1, 2, 3, 4)]
    assert [round(tv(one, q), 6) for one in found] == [0.306769, 0.156176, 0.098839, 0.071484]
    assert round(tv(resampled(mu, 1 / w, 2), q), 6) == 0.460636
    for k, one in enumerate(found[:3], 1):
        assert tv(all_draws(mu, w, k), one) <= 1e-12


@given(seeds, st.integers(1, 5), st.integers(1, 5))
@few
def test_the_integral_is_the_sum_over_all_draws(rng, n, k):
    mu, w = rng.dirichlet(np.ones(n)), np.exp(3 * rng.normal(size=n)) * (rng.random(n) < 0.7)
    if not mu @ w > 0:
        return
    assert tv(resampled(mu, w, k), all_draws(mu, w, k)) <= 1e-12


def test_the_bias_falls_as_one_over_k():
    mu, q, w = parts()
    for k in (64, 256, 1024):
        assert tv(resampled(mu, w, k), q) * k == pytest.approx(bias(mu, w), abs=1.2 / k + 1e-6)
    assert bias(mu, np.ones(27)) == pytest.approx(0)


def test_a_bound_of_log_z_on_each_side():
    mu, q, w = parts()
    w = w * exp(-0.3)
    found = [sandwich(mu, w, n) for n in (1, 2, 3, 4)]
    assert [round(one[0], 4) for one in found] == [-0.6314, -0.4533, -0.3949, -0.3678]
    assert [round(one[1], 4) for one in found[1:]] == [-0.0970, -0.1611, -0.2051]

    def estimate(rng):
        rows = [rng.categorical(mu[:3] / mu[:3].sum()) for _ in range(3)]
        one = log_partition(-np.log(w[rows]))
        return (one.lower, one.upper), 1

    means = np.sum([np.array(pair) * p for pair, p in exact_distribution(estimate)
                    .probability.items()], axis=0)  # fmt: skip
    np.testing.assert_allclose(means, sandwich(mu[:3] / mu[:3].sum(), w[:3], 3), atol=1e-12)


# ---- the whole sampler


@pytest.mark.parametrize(("S", "k", "gap", "calls", "runs"), [
    (1, 1, 0.113318, 1, 8), (1, 2, 0.052785, 2, 128), (2, 1, 0.056012, 1.75, 64),
    pytest.param(1, 3, 0.034015, 2, 1536, marks=pytest.mark.weekly),
    pytest.param(2, 2, 0.029869, 3.5, 15616, marks=pytest.mark.weekly)])  # fmt: skip
def test_every_branch_of_the_sampler(S, k, gap, calls, runs):
    x, energy = [2] * 3, Autoregressive(SMALL)
    found = distribution_of(energy_diffusion, SMALL, x, steps=S, k=k, energy=energy)
    assert found.runs == runs
    assert found.expected_calls == pytest.approx(calls)
    assert round(total_variation(found.probability, SMALL.distribution()), 6) == gap
    posterior = resampled_posterior(SMALL, energy, k)
    whole_law, mean = sampler_output(SMALL, x, S, posterior, calls=1 + (k > 1))
    assert total_variation(found.probability, whole_law) <= 1e-12
    assert mean == pytest.approx(calls)


def test_the_law_of_the_sampler_without_branches():
    x, energy = [2] * 3, Autoregressive(SMALL)
    gaps = {(S, k): total_variation(sampler_output(
        SMALL, x, S, resampled_posterior(SMALL, energy, k))[0], SMALL.distribution())
        for S, k in ((2, 2), (1, 3), (1, 64))}  # fmt: skip
    assert round(gaps[2, 2], 6) == 0.029869
    assert round(gaps[1, 3], 6) == 0.034015
    assert gaps[1, 64] < 0.002
    exact, _ = sampler_output(SMALL, x, 3, true_posterior(SMALL))
    assert total_variation(exact, SMALL.distribution()) <= 1e-12


def test_a_constant_energy_changes_nothing():
    model = TabularJoint.random(2, 2, seed=1, sharpness=1.5)

    def flat(x, candidates, log_mu):
        return np.full(log_mu.shape, 7.0)

    plain = distribution_of(masked_diffusion, model, [2] * 2, steps=2)
    found = distribution_of(energy_diffusion, model, [2] * 2, steps=2, k=2, energy=flat)
    assert total_variation(plain.probability, found.probability) <= 1e-12
    assert found.expected_calls == pytest.approx(2 * plain.expected_calls)


def test_what_goes_wrong():
    x, truth, options = [2] * 3, SMALL.distribution(), {"energy": Autoregressive(SMALL)}
    wrong = distribution_of(wrong_sign, SMALL, x, steps=1, k=2, **options)
    assert round(total_variation(wrong.probability, truth), 6) == 0.173851
    apart = distribution_of(per_position, SMALL, x, steps=1, k=2, **options)
    right = distribution_of(energy_diffusion, SMALL, x, steps=1, k=2, **options)
    assert total_variation(apart.probability, truth) > total_variation(right.probability, truth)
    pair = TabularJoint(np.eye(2) / 2)
    once = distribution_of(whole, pair, [2, 2], steps=2, k=2)
    step = distribution_of(energy_diffusion, pair, [2, 2], steps=1, k=2)
    assert total_variation(once.probability, step.probability) <= 1e-12
    assert once.expected_calls == pytest.approx(2)


def test_an_impossible_choice_is_made_at_random():
    pair, rng = TabularJoint(np.eye(2) / 2), Replay([1, 0, 0, 1])  # both candidates impossible
    run = energy_diffusion(pair, [2, 2], 1, 2, rng=rng)
    assert rng.choices[-1][1] == (0.5, 0.5)
    assert sorted(run.tokens) == [0, 1]


def test_the_temperature_of_the_energy():
    mu, q, w = parts(SMALL, [2] * 3)
    cold = distribution_of(energy_diffusion, SMALL, [2] * 3, steps=1, k=2, temperature=0.5,
                           energy=Autoregressive(SMALL))  # fmt: skip
    expected = all_draws(mu, w**2, 2)
    for y, p in zip(SMALL.sequences.tolist(), expected, strict=True):
        assert cold.probability[tuple(y)] == pytest.approx(p, abs=1e-12)


# ---- likelihoods


def test_exact_bounds_of_steps():
    H = -float(table().weights @ np.log(table().weights))
    joint = shown_nats(table(), true_posterior(table()))
    apart = shown_nats(table(), independent(table()))
    excess = [round(step_bound(apart, S) - H, 4) for S in (1, 2, 4, 8)]
    assert excess == [0.2480, 0.1489, 0.0807, 0.0419]
    for S in (1, 3, 8):
        assert step_bound(joint, S) == pytest.approx(H, abs=1e-12)
    assert round(reported_integral(joint), 6) == 3.926948
    assert round(H, 6) == 4.114907
    assert reported_integral(apart) == pytest.approx(H)  # of infinitely many steps
    corrected = shown_nats(table(), resampled_posterior(table(), Autoregressive(table()), 4))
    assert H < step_bound(corrected, 2) < step_bound(apart, 2)


@pytest.mark.parametrize("L", [2, 3])
def test_copies_of_one_token_show_that_the_reported_number_is_no_bound(L):
    copies = np.zeros((2,) * L)
    copies[(0,) * L] = copies[(1,) * L] = 0.5
    nats = shown_nats(TabularJoint(copies), true_posterior(TabularJoint(copies)))
    assert reported_integral(nats) == pytest.approx(log(2) / L)
    assert step_bound(nats, 5) == pytest.approx(log(2))
    if L == 2:  # guesses pay for the pairs that are shown together
        apart = shown_nats(TabularJoint(copies), independent(TabularJoint(copies)))
        excess = [step_bound(apart, S) / log(2) - 1 for S in (1, 2, 8)]
        assert excess == pytest.approx([1, 1 / 2, 1 / 8])


def test_the_carry_over_number_is_the_autoregressive_likelihood():
    """For every model, whatever its conditionals: a mask expectation that telescopes."""
    model, y = HashConditional(3, 4, 2, 1.0), np.array([2, 0, 1, 2])
    log_p = [float(np.log(np.exp(row) / np.exp(row).sum())[v])
             for row, v in zip(model.causal(y[None])[0], y, strict=True)]  # fmt: skip
    total = 0.0
    for m in range(1, 5):
        for M in itertools.combinations(range(4), m):
            total += fsum(log_p[i] for i in M) / (m * comb(4, m))
    assert total == pytest.approx(fsum(log_p), abs=1e-12)
    mask = np.array([True, False, True, True])
    found = reported_nats(model, y, mask, CarryOver(model), rng=RandomDraws(0), n=3)
    truth = -fsum(log_p[i] for i in (0, 2, 3))
    assert found.lower == pytest.approx(truth, abs=3)  # log Z = 0 is estimated from 3 candidates


# ---- batches, counts, traces


@pytest.mark.parametrize("S,k,options", [
    (1, 1, {}), (3, 1, {}), (1, 4, {}), (4, 3, {}), (5, 2, {"window": 0.5}),
    (2, 3, {"temperature": 0.5, "shape": Temperature(2.0)})])  # fmt: skip
def test_a_batch_is_its_sequences_one_by_one(S, k, options):
    model = Sudoku4()
    x = np.stack([model.puzzle(seed, 3 + seed % 11) for seed in range(9)])
    batch = energy_diffusion_batch(model, x, S, k, seed=5, **options)
    runs = [energy_diffusion(model, row, S, k, rng=RandomDraws(5, b), **options)
            for b, row in enumerate(x)]  # fmt: skip
    assert (batch.tokens == [run.tokens for run in runs]).all()
    assert batch.calls.tolist() == [run.forwards for run in runs]
    assert batch.rows.tolist() == [run.cost.rows for run in runs]
    assert batch.cost.rows == sum(batch.rows)
    assert batch.cost.calls <= (1 + (k > 1)) * S
    assert ((x == batch.tokens) | (x == 4)).all()
    turned = energy_diffusion_batch(model, x[::-1], S, k, seed=5, **options)
    assert (turned.tokens[4] == batch.tokens[4]).all()  # the middle row keeps its stream


@given(st.integers(1, 4), st.integers(0, 12), st.integers(1, 9), st.integers(1, 3),
       st.sampled_from((0.0, 0.4, 1.0)), st.integers(0, 99))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_counts(V, given_tokens, S, k, window, seed):
    model = HashConditional(V, 12, seed, 0.5)
    x = np.array([0] * given_tokens + [V] * (12 - given_tokens))
    run = energy_diffusion(model, x, S, k, rng=RandomDraws(seed), window=window)
    trace, masks = run.trace, 12 - given_tokens
    assert (run.tokens[:given_tokens] == 0).all()
    assert (run.tokens < V).all()
    assert trace.rounds <= min(S, masks)
    assert trace.cost == run.cost
    scored = {e.round for e in trace.events if e.what == "proposed"}
    assert run.cost.calls == trace.rounds + len(scored)
    assert run.cost.rows == trace.rounds + k * len(scored)
    assert run.cost.tokens == 12 * run.cost.rows
    if k == 1:
        assert not scored
    elif window == 1.0:
        assert len(scored) == trace.rounds
    assert (trace.committed > 0).all()
    for n in scored:
        rows = {}
        for e in trace.events:
            if e.round == n and e.what == "proposed":
                rows.setdefault(e.row, {})[e.position] = (e.token, e.value)
        shown = [e for e in trace.events if e.round == n and e.what == "committed"]
        assert all(rows[e.row][e.position] == (e.token, e.value) for e in shown)
        assert fsum(next(iter(row.values()))[1] for row in rows.values()) == pytest.approx(1)


def test_nothing_to_do_costs_nothing():
    run = energy_diffusion(SMALL, [0, 1, 1], rng=RandomDraws(0))
    assert run.cost == Cost()
    assert run.trace.rounds == 0


def test_noise_removal_takes_the_likeliest_token():
    model = HashConditional(4, 6, 1, 0.3)
    run = energy_diffusion(model, [4] * 6, 1, 1, rng=RandomDraws(0), epsilon=1.0)
    p = model.denoise(np.full((1, 6), 4))[0]
    assert (run.tokens == p.argmax(axis=1)).all()
    assert run.forwards == 1


def test_entrants_run_on_prompts_of_every_shape():
    ours = [one for one in entrants() if "diffusion, S" in one.name]
    assert len(ours) == 2
    for name in ("tables", "sudoku"):
        few_problems = tier(name, 2)
        for one in ours:
            assert all((run.tokens < model.V).all() for run, (model, _) in zip(
                decode_all(one, few_problems), few_problems.problems, strict=True))  # fmt: skip


@pytest.mark.parametrize(("call", "message"), [
    (lambda: energy_diffusion(SMALL, [2] * 3, 0, rng=RandomDraws()), "steps must be at least 1"),
    (lambda: energy_diffusion(SMALL, [2] * 3, k=0, rng=RandomDraws()), "k must be at least 1"),
    (lambda: energy_diffusion(SMALL, [2] * 3, window=2, rng=RandomDraws()), "window must be at mo"),
    (lambda: energy_diffusion(SMALL, [2] * 3, energy=3, rng=RandomDraws()), "be an Energy, got 3"),
    (lambda: CarryOver(SMALL)(PROMPT[:3], [[0, 0, 0]], [0.0]), "shape|only fill"),
    (lambda: CarryOver(SMALL)([2, 0, 2], [[0, 1, 0]], [0.0]), "that only fill the masks of"),
    (lambda: importance_weights([np.nan]), "above -inf, got"),
    (lambda: log_partition([0.0]), "energies must be at least 2, got 1"),
    (lambda: resampled([0.5, 0.5], [0, 0], 2), "a candidate that is possible"),
    (lambda: sandwich([0.5, 0.5], [0, 1], 2), "w must be above 0"),
    (lambda: shown_nats(HashConditional(2, 2), None), "joint must be a WeightedSequences")])
def test_errors_say_what_was_expected(call, message):  # fmt: skip
    with pytest.raises((ValueError, TypeError), match=message):
        call()

"""The monoid, the counted schedules, and what the chapter proves about them (NumPy)."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from paralg.core.cost import Cost
from paralg.core.primitives import METHODS, scan, scan_counts
from paralg.recurrences import aaren
from paralg.recurrences.aaren import theory, variants
from paralg.recurrences.aaren.attention import prefixes
from paralg.recurrences.aaren.monoid import SOFTMAX, empty, leaves, read
from paralg.recurrences.aaren.streaming import stream, stream_blocks

LENGTHS = (1, 2, 3, 5, 7, 8, 13, 32)
MODULES = [one.name for one in pkgutil.walk_packages(aaren.__path__, f"{aaren.__name__}.")]


def case(n, d=3, heads=(), seed=0, scale=3.0):
    rng = np.random.default_rng([seed, n])
    return scale * rng.normal(size=(n, *heads)), rng.normal(size=(n, *heads, d))


def oracle(scores, values, rate=0.0):
    """Softmax of every prefix, one after the other."""
    at = np.arange(len(scores))
    return np.stack([softmax((scores - rate * (k - at))[: k + 1]) @ values[: k + 1] for k in at])


def close(left, right, tol=1e-12):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_the_documentation_run(module, drawing):
    pytest.importorskip("torch")
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize("n", LENGTHS)
def test_every_schedule_is_softmax_of_every_prefix_at_its_cost(n):
    scores, values = case(n)
    expected = oracle(scores, values)
    for method in METHODS:
        run = prefixes(scores, values, method=method)
        np.testing.assert_allclose(run.outputs, expected, atol=1e-12)
        if method != "blelloch":  # inclusive: a round more than the closed form of the exclusive
            assert run.cost == scan_counts(method, n)
    output, cost = theory.attend(scores, values)
    np.testing.assert_allclose(output, expected[-1], atol=1e-12)
    assert cost == Cost(work=n - 1, span=int(np.ceil(np.log2(n))))
    for size in (1, 2, 3, 64):
        run, half = stream_blocks(scores, values, size), n // 2
        np.testing.assert_allclose(run.outputs, expected, atol=1e-12)
        assert run.cost == Cost(work=n, span=-(-n // size))
        first = stream_blocks(scores[:half], values[:half], size)
        rest = stream_blocks(scores[half:], values[half:], size, first.summary)
        np.testing.assert_allclose(rest.outputs, run.outputs[half:], atol=1e-12)


def test_streaming_prefixes_agree_bit_by_bit_and_need_constant_memory():
    scores, values = case(40)
    tokens = list(zip(scores, values, strict=True))
    every = list(stream(tokens, empty((3,))))
    for (a, _), (b, _) in zip(stream(tokens[:17], empty((3,))), every[:17], strict=True):
        assert (a == b).all()
    assert {sum(part.size for part in summary) for _, summary in every} == {3 + 2}
    np.testing.assert_allclose([o for o, _ in every], oracle(scores, values), atol=1e-12)


numbers = st.floats(-1e4, 1e4)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(numbers, st.floats(-10, 10)), min_size=3, max_size=12), st.data())
def test_the_axioms_of_a_monoid_hold_for_sets_of_any_size(tokens, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(tokens)), min_size=2, max_size=2)))
    s, v = np.array(tokens).T
    nothing = empty((1,))
    parts = []
    for lo, hi in ((0, cuts[0]), (cuts[0], cuts[1]), (cuts[1], len(tokens))):
        steps = stream(zip(s[lo:hi], v[lo:hi, None], strict=True), nothing)
        parts.append([nothing, *(summary for _, summary in steps)][-1])
    a, b, c = parts
    close(SOFTMAX(SOFTMAX(a, b), c), SOFTMAX(a, SOFTMAX(b, c)), 1e-9)
    close(SOFTMAX(a, b), SOFTMAX(b, a), 0)
    close(SOFTMAX(a, nothing), a, 0)
    close(SOFTMAX(nothing, a), a, 0)


def test_random_parenthesisations_agree():
    scores, values = case(20, scale=30.0)
    parts = [tuple(leaf[k] for leaf in leaves(scores, values)) for k in range(20)]
    for seed in range(20):
        rng, pile = np.random.default_rng(seed), list(parts)
        while len(pile) > 1:
            k = rng.integers(len(pile) - 1)
            pile[k : k + 2] = [SOFTMAX(pile[k], pile[k + 1])]
        np.testing.assert_allclose(read(pile[0]), softmax(scores) @ values, atol=1e-12)


def test_heads_are_independent_a_prefix_is_a_set_and_scores_may_be_shifted():
    scores, values = case(9, heads=(2, 4))
    run = prefixes(scores, values)
    for h in np.ndindex(2, 4):
        one = (slice(None), *h)
        np.testing.assert_allclose(run.outputs[one], oracle(scores[one], values[one]), atol=1e-12)
    scores, values = case(12)
    order = np.random.default_rng(1).permutation(12)
    whole = prefixes(scores, values).outputs
    np.testing.assert_allclose(
        prefixes(scores[order], values[order]).outputs[-1], whole[-1], atol=1e-12
    )
    for shift in (-1e6, 50.0):
        np.testing.assert_allclose(prefixes(scores + shift, values).outputs, whole, atol=1e-8)


def test_masked_tokens_are_as_if_they_were_not_there():
    scores, values = case(15)
    mask = np.random.default_rng(2).random(15) < 0.6
    mask[:2] = False
    run = prefixes(scores, values, mask)
    kept = prefixes(scores[mask], values[mask]).outputs
    np.testing.assert_allclose(run.outputs[mask], kept, atol=1e-12)
    assert (run.outputs[:2] == 0).all()
    assert np.isfinite(run.outputs).all()
    output, _ = theory.attend(scores, values, np.zeros(15, bool))
    assert (output == 0).all()


def test_nothing_at_all():
    scores, values = np.zeros(0), np.zeros((0, 2))
    run = prefixes(scores, values)
    assert run.outputs.shape == stream_blocks(scores, values, 4).outputs.shape == (0, 2)
    assert run.summary[0] == -np.inf
    assert theory.attend(scores, values)[0].tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_do_not_overflow(dtype):
    scores = np.array([1e4, -1e4, 5.0, 1e4, -np.inf], dtype)
    values = np.arange(5, dtype=dtype)[:, None]
    with np.errstate(all="raise", under="ignore"):
        for run in (prefixes(scores, values), stream_blocks(scores, values, 2)):
            np.testing.assert_allclose(run.outputs[:, 0], [0, 0, 0, 1.5, 1.5])
            assert run.outputs.dtype == dtype
        low = prefixes(np.full(3, -1e4, dtype), values[:3]).outputs
    np.testing.assert_allclose(low[:, 0], [0, 0.5, 1])


def test_without_a_maximum_the_sums_are_associative_and_overflow():
    scores, values = case(8)
    weights = np.exp(scores)
    parts = weights, weights[:, None] * values
    u, w = scan(variants.UNSAFE, parts, method="brent-kung").values
    np.testing.assert_allclose(w / u[:, None], oracle(scores, values), atol=1e-12)
    loud = np.float16([3, 12, 1]), np.ones((3, 1), np.float16)
    with np.errstate(all="ignore"):
        assert np.isnan(variants.unstable_stream(*loud)[1:]).all()
    assert (prefixes(*loud).outputs == 1).all()


def test_the_two_hunted_forms_fail_where_the_maximum_moves():
    values = np.array([[1.0], [0.0]])
    falling, rising = np.array([1.0, 0.0]), np.array([0.0, 10.0])
    np.testing.assert_allclose(variants.running_maximum(falling, values), oracle(falling, values))
    assert variants.running_maximum(rising, values)[1, 0] == 0.5
    assert oracle(rising, values)[1, 0] < 1e-4
    scores, values = np.array([0.0, 1.0, 1000.0]), np.ones((3, 1))
    np.testing.assert_allclose(variants.global_maximum(scores[:2], values[:2]), 1)
    with np.errstate(invalid="ignore"):
        assert np.isnan(variants.global_maximum(scores, values)[:2]).all()


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("rate", [0.0, 0.3, 50.0])
def test_decaying_scores_are_a_scan_as_well(n, rate):
    scores, values = case(n)
    for method in METHODS:
        run = scan(variants.decayed(rate), (np.ones(n), *leaves(scores, values)), method=method)
        np.testing.assert_allclose(read(run.values[1:]), oracle(scores, values, rate), atol=1e-10)


def test_decay_does_not_commute():
    one = (np.ones(1), np.zeros(1), np.ones(1), np.ones((1, 1)))
    two = (*one[:3], np.zeros((1, 1)))
    op = variants.decayed(1.0)
    assert read(op(one, two)[1:]) < 0.5 < read(op(two, one)[1:])


@pytest.mark.parametrize("n", LENGTHS)
def test_gate_weights_and_dense_oracle_are_the_same_thing(n):
    scores, values = case(n)
    expected, weights, gates = oracle(scores, values), theory.weights(scores), theory.gates(scores)
    np.testing.assert_allclose(weights @ values, expected, atol=1e-12)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(np.diag(weights), gates, atol=1e-12)
    np.testing.assert_allclose(theory.attend_dense(scores, values), expected, atol=1e-12)
    for method in ("sequential", "kogge-stone", "brent-kung"):
        found = theory.gated(scores, values, method=method)
        np.testing.assert_allclose(found, expected, atol=1e-12)
    before = np.append(-np.inf, theory.logs(scores)[:-1])
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(gates, 1 / (1 + np.exp(before - scores)), atol=1e-12)
    for k in range(4, n):  # the proportion of two tokens never changes
        assert weights[k, 3] / weights[k, 1] == pytest.approx(np.exp(scores[3] - scores[1]))


@pytest.mark.parametrize("m, n", [(1, 1), (2, 5), (7, 7)])
def test_attention_of_many_queries_is_as_many_cells(m, n):
    rng = np.random.default_rng([m, n])
    queries, keys = rng.normal(size=(m, 4)), rng.normal(size=(n, 4))
    values = rng.normal(size=(n, 2))
    found, cost = theory.cells(queries, keys, values)
    np.testing.assert_allclose(found, softmax(queries @ keys.T / 2, 1) @ values, atol=1e-12)
    assert cost == Cost(work=m * n, span=n)


@pytest.mark.parametrize("method", ["sequential", "brent-kung"])
def test_the_gradient_is_a_scan_from_the_right(method):
    torch = pytest.importorskip("torch")
    scores, values = case(11)
    g = np.random.default_rng(5).normal(size=values.shape)
    s, v = (torch.tensor(part, requires_grad=True) for part in (scores, values))
    outputs = torch.stack([torch.softmax(s[: k + 1], 0) @ v[: k + 1] for k in range(11)])
    ds, dv = torch.autograd.grad(outputs, (s, v), torch.tensor(g))
    close(theory.gradients(scores, values, g, method=method), (ds.numpy(), dv.numpy()), 1e-11)


def test_counts_of_parameters_and_states():
    assert theory.acting_parameters(512, 8) == (525_824, 4096)
    assert theory.state_numbers("aaren", 64, 4, 1) == theory.state_numbers("aaren", 64, 4, 10**6)
    assert theory.state_numbers("transformer", 64, 4, 10) == 1280
    assert theory.block_parameters("transformer", 512) == 3_152_384
    assert theory.block_parameters("aaren", 512) == 3_152_896


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: leaves(np.zeros(3), np.zeros(3)), r"values must have the shape \(3, 'd'\)"),
        (lambda: leaves(np.array([np.inf]), np.zeros((1, 1))), r"below \+∞"),
        (lambda: leaves(np.zeros(3), np.zeros((3, 1)), [True]), r"mask must have the shape \(3,\)"),
        (lambda: variants.decayed(-1.0), "rate must be at least 0, got -1"),
        (lambda: stream_blocks([0.0], [[0.0]], 0), "size must be at least 1, got 0"),
        (lambda: theory.state_numbers("rnn", 1, 1, 1), "kind must be one of"),
        (lambda: theory.block_parameters("rnn", 8), "got 'rnn'"),
        (lambda: prefixes([0.0], [[0.0]], method="tree"), "method must be one of"),
    ],
)
def test_errors_say_what_was_expected(call, words):
    with pytest.raises(ValueError, match=words):
        call()

"""The monoid, counted schedules, what the chapter proves about them (NumPy); the explorer."""

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
from paralg.recurrences.aaren.teaching.explorer import SCORES, VALUES, _network, outputs
from tests.figures.web import drag

LENGTHS = (1, 2, 3, 7, 8, 13)
MODULES = [one.name for one in pkgutil.walk_packages(aaren.__path__, f"{aaren.__name__}.")]


def case(n):
    rng = np.random.default_rng(n)
    return 3 * rng.normal(size=n), rng.normal(size=(n, 3))


def oracle(scores, values, rate=0.0):
    """Softmax of every prefix, one after the other."""
    at = np.arange(len(scores))
    return np.stack([softmax((scores - rate * (k - at))[: k + 1]) @ values[: k + 1] for k in at])


def close(got, expected, tol=1e-12):
    for a, b in zip(got, expected, strict=True):
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
        close(run.outputs, expected)
        if method != "blelloch":  # inclusive: a round more than the closed form of the exclusive
            assert run.cost == scan_counts(method, n)
    close(prefixes(scores[::-1], values[::-1]).outputs[-1], expected[-1])  # a prefix is a set
    for shift in (-1e6, 50.0):
        close(prefixes(scores + shift, values).outputs, expected, 1e-8)
    output, cost = theory.attend(scores, values)
    close(output, expected[-1])
    assert cost == Cost(work=n - 1, span=int(np.ceil(np.log2(n))))
    for size in (1, 2, 3, 64):
        run, half = stream_blocks(scores, values, size), n // 2
        close(run.outputs, expected)
        assert run.cost == Cost(work=n, span=-(-n // size))
        first = stream_blocks(scores[:half], values[:half], size)
        close(stream_blocks(scores[half:], values[half:], size, first.summary).outputs,
              run.outputs[half:])  # fmt: skip


def test_streaming_prefixes_agree_bit_by_bit_and_need_constant_memory():
    tokens = list(zip(*case(40), strict=True))
    every, some = (list(stream(part, empty((3,)))) for part in (tokens, tokens[:17]))
    assert all((a == b).all() for (a, _), (b, _) in zip(some, every[:17], strict=True))
    assert {sum(part.size for part in summary) for _, summary in every} == {3 + 2}
    close([o for o, _ in every], oracle(*case(40)))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-9, 9)), min_size=3), st.data())
def test_the_axioms_of_a_monoid_hold_for_sets_of_any_size(tokens, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(tokens)), min_size=2, max_size=2)))
    s, v = np.array(tokens).T
    nothing, parts = empty((1,)), zip(np.split(s, cuts), np.split(v[:, None], cuts), strict=True)
    a, b, c = (prefixes(*part).summary for part in parts)
    close(SOFTMAX(SOFTMAX(a, b), c), SOFTMAX(a, SOFTMAX(b, c)), 1e-9)
    close(SOFTMAX(a, b), SOFTMAX(b, a), 0)
    close(SOFTMAX(a, nothing), a, 0)
    close(SOFTMAX(nothing, a), a, 0)


def test_masked_tokens_are_as_if_they_were_not_there():
    scores, values = case(15)
    mask = np.random.default_rng(2).random(15) < 0.6
    mask[:2] = False
    outputs = prefixes(scores, values, mask).outputs
    close(outputs[mask], prefixes(scores[mask], values[mask]).outputs)
    assert (outputs[:2] == 0).all()
    assert np.isfinite(outputs).all()
    assert (theory.attend(scores, values, np.zeros(15, bool))[0] == 0).all()
    nothing = scores[:0], values[:0]
    assert prefixes(*nothing).outputs.shape == stream_blocks(*nothing, 4).outputs.shape == (0, 3)
    assert prefixes(*nothing).summary[0] == -np.inf
    assert theory.attend(*nothing)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_do_not_overflow(dtype):
    scores = np.array([1e4, -1e4, 5.0, 1e4, -np.inf], dtype)
    values = np.arange(5, dtype=dtype)[:, None]
    with np.errstate(all="raise", under="ignore"):
        for run in (prefixes(scores, values), stream_blocks(scores, values, 2)):
            close(run.outputs[:, 0], [0, 0, 0, 1.5, 1.5])
            assert run.outputs.dtype == dtype
        close(prefixes(np.full(3, -1e4, dtype), values[:3]).outputs[:, 0], [0, 0.5, 1])


def test_the_forms_without_a_carried_maximum_fail_where_the_chapter_says():
    values = np.array([[1.0], [0.0]])
    falling, rising = np.array([1.0, 0.0]), np.array([0.0, 10.0])
    close(variants.running_maximum(falling, values), oracle(falling, values))
    assert variants.running_maximum(rising, values)[1, 0] == 0.5 > oracle(rising, values)[1, 0]
    scores, values = np.array([0.0, 1.0, 1000.0]), np.ones((3, 1))
    close(variants.global_maximum(scores[:2], values[:2]), np.ones((2, 1)))
    loud = np.float16([3, 12, 1]), np.ones((3, 1), np.float16)
    with np.errstate(all="ignore"):
        assert np.isnan(variants.global_maximum(scores, values)[:2]).all()
        assert np.isnan(variants.unstable_stream(*loud)[1:]).all()
    assert (prefixes(*loud).outputs == 1).all()


@pytest.mark.parametrize("rate", [0.0, 0.3, 50.0])
def test_decaying_scores_are_a_scan_that_does_not_commute(rate):
    for n in LENGTHS:
        scores, values = case(n)
        parts = (np.ones(n), *leaves(scores, values))
        for method in METHODS:
            run = scan(variants.decayed(rate), parts, method=method)
            close(read(run.values[1:]), oracle(scores, values, rate), 1e-10)
    one, two = (1.0, 0.0, 1.0, np.ones(1)), (1.0, 0.0, 1.0, np.zeros(1))
    sides = [read(variants.decayed(rate)(*pair)[1:]) for pair in ((one, two), (two, one))]
    assert sides[0] < 0.5 < sides[1] or rate == 0


@pytest.mark.parametrize("n", LENGTHS)
def test_gate_weights_and_dense_oracle_are_the_same_thing(n):
    scores, values = case(n)
    expected, weights, gates = oracle(scores, values), theory.weights(scores), theory.gates(scores)
    close(weights @ values, expected)
    close(weights.sum(1), np.ones(n))
    close(np.diag(weights), gates)
    for method in ("sequential", "kogge-stone", "brent-kung"):
        close(theory.gated(scores, values, method=method), expected)
    before = np.append(-np.inf, theory.logs(scores)[:-1])
    with np.errstate(over="ignore"):
        close(gates, 1 / (1 + np.exp(before - scores)))
    for k in range(4, n):  # the proportion of two tokens never changes
        assert weights[k, 3] / weights[k, 1] == pytest.approx(np.exp(scores[3] - scores[1]))


@pytest.mark.parametrize("m, n", [(1, 1), (2, 5), (7, 7)])
def test_attention_of_many_queries_is_as_many_cells(m, n):
    rng = np.random.default_rng([m, n])
    queries, keys, values = (rng.normal(size=shape) for shape in ((m, 4), (n, 4), (n, 2)))
    found, cost = theory.cells(queries, keys, values)
    close(found, softmax(queries @ keys.T / 2, 1) @ values)
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


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: leaves(np.zeros(3), np.zeros(3)), r"values must have the shape \(3, d\)"),
        (lambda: leaves(np.array([np.inf]), np.zeros((1, 1))), "must be finite, got inf"),
        (lambda: leaves(np.zeros(3), np.zeros((3, 1)), [True]), r"mask must have the shape \(3,\)"),
        (lambda: variants.decayed(-1.0), "rate must be at least 0, got -1"),
        (lambda: stream_blocks([0.0], [[0.0]], 0), "size must be at least 1, got 0"),
        (lambda: theory.state_numbers("rnn", 1, 1, 1), "kind must be one of"),
        (lambda: prefixes([0.0], [[0.0]], method="tree"), "method must be one of"),
    ],
)
def test_errors_say_what_was_expected(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_networks_are_the_core_scans_and_outputs_softmax():
    found = {one: _network(one, 12) for one in ("sequential", "kogge-stone", "brent-kung")}
    assert [(one["work"], one["span"]) for one in found.values()] == [(11, 11), (33, 4), (18, 6)]
    assert all(sum(map(len, one["levels"])) == one["work"] for one in found.values())
    weights = np.exp(np.array(SCORES))
    np.testing.assert_allclose(outputs(), np.cumsum(weights * VALUES) / np.cumsum(weights))


def test_explorer_answers_to_keyboard_and_pointer(open_page, drawing):
    page = open_page(aaren.explorer().html)
    status = page.locator(".pe-status")

    def says(*parts):
        assert all(part in status.inner_text() for part in parts)

    says("Token 7: score 10.0, value 1.0", "12 tokens, 18 unions in 6 rounds", "All outputs within")
    page.get_by_label("Hillis–Steele", exact=True).check()
    says("33 unions in 4 rounds")
    page.get_by_label("Tokens arrived").press("ArrowLeft")
    says("11 tokens")
    page.get_by_label("too loud", exact=True).check()
    page.get_by_label("Carry the maximum").uncheck()
    says("8 outputs lost")
    page.get_by_label("Carry the maximum").check()
    says("All outputs within")
    page.get_by_label("Token: next").press("Enter")
    page.get_by_label("Score of this token").press("ArrowLeft")
    says("Token 8: score 2.5")
    assert page.get_by_label("own").is_checked()
    box = page.locator("svg.pe-picture").bounding_box()
    zoom = box["width"] / 660
    x, zero = box["x"] + (74 + 2.5 * 48) * zoom, box["y"] + 104 * zoom
    drag(page, (x, zero), (x, zero - 45 * zoom))
    page.mouse.move(x, box["y"])  # not dragging any more
    says("Token 3: score 4.0")
    assert "4.0" in page.locator(".pe-numbers").inner_text()

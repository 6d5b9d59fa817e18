"""Programs and compiled networks, homogeneity, wiring, tasks, baselines, runs, the explorer."""

import doctest
import importlib
import itertools
import pkgutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import paralg.rounds.positional_attention as pa
from benchmarks import bench_positional_attention as bench
from paralg.core.primitives import ADD, scan
from paralg.rounds.positional_attention.experiments import measures, runs
from paralg.rounds.positional_attention.experiments.tasks import SCALES, TASKS, answer, draw
from paralg.rounds.positional_attention.variants import comparators
from tests.figures.web import explorer_page, shown

few = settings(max_examples=15, deadline=None)
SORTABLE = {"sum": pa.prefix_sums, "min": pa.prefix_minima, "max-subarray": pa.max_subarray,
            "sort": pa.bitonic_sort}  # fmt: skip


def outputs(program, values):
    """Outputs of the compiled network and of the program, of shape (..., n)."""
    values = np.asarray(values, dtype=float)
    net = pa.compile_program(program)
    with torch.no_grad():
        found = net(torch.from_numpy(values))[..., 0].numpy()
    return found, pa.run_rounds(program, values).outputs[..., 0]


# ---- programs


@pytest.mark.parametrize("task,make", [*SORTABLE.items(), ("max-subarray", pa.max_subarray_shallow),
                                       ("minsum", pa.min_of_sums)])  # fmt: skip
@pytest.mark.parametrize("n", [2, 4, 8, 16])
def test_compiled_networks_solve_their_tasks(task, make, n):
    x = 1e4 * np.random.default_rng(n).uniform(-1, 1, (50, n))
    x[0] = -np.abs(x[0])  # the best block is not empty
    truth = answer(task, x)
    for found in outputs(make(n), x[..., None]):
        assert np.abs(found[:, : truth.shape[1]] - truth).max() <= 1e-9 * 1e4


@pytest.mark.parametrize("make", [pa.prefix_sums, pa.prefix_minima, pa.max_subarray])
@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_scans_take_any_number_of_nodes(make, n):
    x = np.random.default_rng(n).normal(size=(20, n))
    task = {"prefix_sums": "sum", "prefix_minima": "min"}.get(make.__name__, "max-subarray")
    assert np.allclose(outputs(make(n), x[..., None])[0], answer(task, x), atol=1e-12)


def test_the_sorter_sorts_all_zero_one_rows_exactly():
    zero_one = np.array(list(itertools.product((0.0, 1.0), repeat=8)))
    for found in outputs(pa.bitonic_sort(8), zero_one[..., None]):
        assert (found == np.sort(zero_one)).all()


def test_wires_and_counts_are_those_of_kogge_and_stone():
    rows = [one.sources[0].tolist() for one in pa.prefix_minima(8).rounds]
    assert rows[1] == [0, 1, 0, 1, 2, 3, 4, 5]
    for n in (2, 5, 8, 16):
        cost = pa.run_rounds(pa.prefix_sums(n), np.ones((n, 1))).cost
        theirs = scan(ADD, np.ones(n), method="kogge-stone").cost
        assert (
            (cost.work, cost.rounds)
            == (theirs.work, theirs.span)
            == (cost.messages, pa.scan_layers(n))
        )


def test_layers_are_those_of_the_formulas():
    for n in (2, 4, 8, 16):
        assert len(pa.bitonic_sort(n).rounds) == len(comparators(n)) == pa.sort_layers(n)
        assert len(pa.benes(n).rounds) == pa.benes_layers(n)
        assert len(pa.routed(n, 3).rounds) == pa.routing_layers(n, 3)


@few
@given(st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_messages_arrive_after_several_hops(hops, seed):
    rng = np.random.default_rng(seed)
    to = [rng.permutation(4) for _ in range(hops)]
    values = rng.uniform(-50, 50, 4)
    expected = np.empty(4)
    expected[to[-1]] = values
    given = np.stack([*(one + 1 for one in to), values], axis=-1)
    for found in outputs(pa.routed(4, hops, 50.0), given):
        assert np.abs(found - expected).max() < 1e-11


@few
@given(st.sampled_from([2, 4, 8, 16]), st.integers(0, 2**32 - 1))
def test_benes_moves_any_permutation(n, seed):
    rng = np.random.default_rng(seed)
    to, values = rng.permutation(n), rng.uniform(-5, 5, n)
    expected = np.empty(n)
    expected[to] = values
    given = np.concatenate([pa.benes_settings(to), [values]]).T
    assert np.abs(pa.run_rounds(pa.benes(n, 5.0), given).outputs[:, 0] - expected).max() < 1e-12
    assert np.abs(outputs(pa.benes(n, 5.0), given)[0] - expected).max() < 1e-12


def test_a_form_deeper_than_its_network_is_refused():
    a, b, c = (pa.Form(0, {i: 1.0}) for i in range(3))
    three = a + (b + (c - b).relu() - a).relu()
    with pytest.raises(ValueError, match="2 ReLUs are nested, got 1 hidden layers"):
        pa.perceptron_of([three], 3, depth=1)
    x = torch.tensor([-1.0, -2, -3], dtype=torch.float64)
    for depth in (2, 3, 4):
        y = x
        for level, (weight, bias) in enumerate(pa.perceptron_of([three], 3, depth)):
            y = weight @ (y.relu() if level else y) + bias
        assert y.item() == -1.0


# ---- the layer


def test_weights_have_no_batch_and_no_slope():
    torch.manual_seed(0)
    model = pa.PositionalTransformer(pa.Shape(8))
    one, other = (model.weights(torch.randn(5, 8, 1)) for _ in range(2))
    assert one.shape == (4, 2, 9, 9)
    assert torch.equal(one, other)
    assert torch.allclose(one.sum(dim=-1), torch.ones(4, 2, 9))
    x = torch.randn(3, 8, 1, requires_grad=True)
    assert not model.weights(x).requires_grad or torch.autograd.grad(
        model.weights(x).sum(), x, allow_unused=True)[0] is None  # fmt: skip
    standard = pa.StandardTransformer(pa.Shape(8)).weights(torch.randn(5, 8, 1))
    assert standard.shape == (4, 5, 2, 9, 9)


def test_permuting_positions_permutes_outputs():
    torch.manual_seed(1)
    model, order = pa.PositionalTransformer(pa.Shape(6)), torch.randperm(6)
    x = torch.randn(4, 6, 1)
    expected = model(x)[:, order]
    model.positions = model.positions[torch.cat([order, torch.tensor([6])])]
    assert torch.allclose(model(x[:, order]), expected, atol=1e-6)


def test_without_biases_the_model_is_homogeneous():
    torch.manual_seed(0)
    x = torch.randn(50, 8, 1)
    model = pa.PositionalTransformer(pa.Shape(8, bias=False))
    assert measures.homogeneity_gap(model, x, 100.0) < 1e-5
    assert measures.homogeneity_gap(pa.StandardTransformer(pa.Shape(8, bias=False)), x, 100.0) > 0.1
    assert measures.drift(model, x, 100.0).max() == 0
    assert measures.drift(pa.StandardTransformer(pa.Shape(8)), x, 100.0).min() > 0


@pytest.mark.parametrize("kind", [pa.PositionalTransformer, pa.StandardTransformer])
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_counted(kind, bias):
    shape = pa.Shape(8, outputs=3, bias=bias)
    count = sum(p.numel() for p in kind(shape).parameters())
    assert count == pa.parameters(shape, standard=kind is pa.StandardTransformer)


def test_the_papers_counts():
    def at(n, standard):
        return pa.parameters(
            pa.Shape(n, width=64, layers=pa.scan_layers(n) + 1, hidden=(64,)), standard
        )

    assert [at(8, False), at(8, True), at(64, False), at(64, True)] == [
        84_577,
        150_273,
        265_465,
        265_985,
    ]


def test_shorter_inputs_keep_the_scratch_node_last():
    torch.manual_seed(0)
    model = pa.PositionalTransformer(pa.Shape(8))
    assert model(torch.randn(2, 3, 1)).shape == (2, 3, 1)
    assert model.weights(torch.randn(3, 1)).shape == (4, 2, 4, 4)
    with pytest.raises(ValueError, match=r"shape \(..., 1 to 8, 1\), got \(2, 9, 1\)"):
        model(torch.randn(2, 9, 1))


def test_rotary_logits_depend_on_distance():
    torch.manual_seed(0)
    model = pa.RotaryTransformer(pa.Shape(6, layers=1))
    same = torch.randn(32).expand(7, 32)
    with torch.no_grad():
        logs = model.mixers[0].mixing(same, model.positions).log()
    logits = logs - logs.diagonal(dim1=-2, dim2=-1)[..., None]
    assert torch.allclose(logits[:, 1, 2], logits[:, 4, 5], atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("n", [1, 8])
def test_frozen_models_equal_the_plain_ones(n, bias):
    torch.manual_seed(0)
    model = pa.PositionalTransformer(pa.Shape(n, bias=bias))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        x = torch.randn(5, n, 1)
        assert torch.allclose(pa.FrozenTransformer(model)(x), model(x), atol=1e-5)


def test_attention_that_sees_values_cannot_be_frozen():
    with pytest.raises(TypeError, match="must not depend on values, got StandardAttention"):
        pa.FrozenTransformer(pa.StandardTransformer(pa.Shape(4)))


@pytest.mark.parametrize("gap", [7.0, 14.0, 20.0])
def test_the_leak_is_that_of_the_softmax(gap):
    model = pa.PositionalTransformer(pa.Shape(8, width=1, heads=1, layers=1)).double()
    pa.wire(model.mixers[0], [[8, 0, 1, 2, 3, 4, 5, 6]], gap)
    weights = model.weights()[0, 0]
    assert torch.allclose(1 - weights.max(dim=-1).values, torch.tensor(pa.leak(8, gap)).double())


def test_steep_attention():
    model = pa.StandardTransformer(pa.Shape(2, width=1, heads=1, layers=1)).double()
    with torch.no_grad():
        for parameter in model.mixers[0].parameters():
            parameter.zero_() if parameter.ndim == 1 else parameter.fill_(1)
    start, mixer = torch.tensor([[1.0], [-1.0], [0.0]]).double(), model.mixers[0]
    near = [measures.operator_norm(lambda x: mixer(x, model.positions), c * start)
            for c in (50, 100)]  # fmt: skip
    assert near[1] / near[0] == pytest.approx(4, rel=0.01)


# ---- tasks and runs


def test_answers_equal_plain_loops():
    x = np.random.default_rng(0).integers(-9, 10, (20, 6)).astype(float)
    for row in x:
        blocks = [
            max(row[i:j].sum() for j in range(1, k + 1) for i in range(j)) for k in range(1, 7)
        ]
        assert answer("max-subarray", row).tolist() == blocks
        assert answer("min", row).tolist() == [min(row[: k + 1]) for k in range(6)]
        assert answer("minsum", row).tolist() == [
            min(row[: k + 1] + row[3 : k + 4]) for k in range(3)
        ]
        paths = answer("paths", row)
        assert (paths[1, 4], paths[4, 1]) == (row[2:5].sum(), 0)


@pytest.mark.parametrize("scale", SCALES)
def test_intervals_inside_the_trained_range_are_rejected(scale):
    rows = draw(np.random.default_rng(0), 1000, 64, scale)
    assert np.abs(rows).max() <= scale
    inside = (np.abs(rows) <= 2).all(axis=1).mean()
    assert inside == 1 if scale == 2 else inside < 0.1


def test_errors_grow_as_the_law_says():
    """The network computes half the sum: its error is a known quadratic form."""
    net = pa.compile_program(pa.prefix_sums(8))
    with torch.no_grad():
        net.decoder.weight.mul_(0.5)
    recipe, rng = runs.recipe_of("sum-positional"), np.random.default_rng(0)
    first = runs.errors(net, recipe, draw(rng, 20_000, 8, 2)).mean()
    for scale in (4, 10):
        found = runs.errors(net, recipe, draw(rng, 20_000, 8, scale)).mean()
        assert found / first == pytest.approx(pa.error_growth(scale / 2), rel=0.04)


def test_names_of_runs():
    assert runs.recipe_of("max-subarray-standard") == (
        "max-subarray",
        "standard",
        8,
        4,
        32,
        0,
        False,
    )
    assert runs.recipe_of("sum-standard-1x16")[3:5] == (1, 16)
    assert runs.recipe_of("sum-positional-n32")[2:4] == (32, 6)
    assert runs.recipe_of("min-positional-64").rows == 64
    assert runs.recipe_of("sum-positional-lengths").lengths


@pytest.mark.parametrize("name", ["paths-positional", "sum-standard-lengths", "river-rotary",
                                  "min-positional-64"])  # fmt: skip
def test_losses_fall(name):
    torch.manual_seed(0)
    model, loss = runs._build(name, 0), runs._loss(name)
    rng = np.random.default_rng(0)
    losses = []
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(8):
        value, _ = loss(model, rng, step)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert np.mean(losses[-2:]) < np.mean(losses[:2])


def test_shipped_models_do_what_their_logs_say():
    for name in ("sum-homogeneous", "min-standard"):
        recipe = runs.recipe_of(name)
        values = draw(np.random.default_rng([runs.HELD_OUT, 10]), runs.ROWS, 8, 10)
        found = runs.errors(runs.RUNS.load(name), recipe, values).mean()
        assert found == pytest.approx(runs.RUNS.log(name)["scores"]["10"], rel=1e-2)
    assert set(TASKS) >= set(runs.MAIN)


# ---- examples, the peer, the explorer


def modules():
    yield from (m.name for m in pkgutil.walk_packages(pa.__path__, f"{pa.__name__}.")
                if "teaching" not in m.name)  # fmt: skip


@pytest.mark.parametrize("name", list(modules()))
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_benchmark_runs():
    rows = bench.run(quick=True)
    assert {one["bench"] for one in rows} == {bench.BENCH, bench.MODELS}
    assert all(bench.STANDARD.counted(n) == 2 for n in bench.SIZES)


def test_the_explorer_says_what_the_library_says(tmp_path, chromium):
    page = explorer_page(chromium, tmp_path, pa.explorer())
    page.get_by_role("radio", name="standard", exact=True).check()
    page.get_by_label("Input times λ").first.fill("10")
    model, x = runs.RUNS.load("sum-standard"), torch.tensor(importlib.import_module(
        f"{pa.__name__}.teaching.explorer").INPUT)  # fmt: skip
    with torch.no_grad():
        found = model(10 * x[:, None])[:, 0].double().numpy()
    error = ((found - answer("sum", 10 * x.double().numpy())) ** 2).mean()
    assert float(shown(page)["Mean squared error"]) == pytest.approx(error, rel=0.06)
    assert shown(page)["Wires moved"] != "0 %"
    page.get_by_role("radio", name="no biases", exact=True).check()
    assert shown(page)["Wires moved"].startswith("0")
    assert page.errors == []
    page.close()

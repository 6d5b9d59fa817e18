"""Trained counterparts of compiled algorithms: shipped runs, hints, probes, a warm start."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from paralg.rounds.neural_compilation import BFS, BellmanFord, run_compiled  # noqa: E402
from paralg.rounds.neural_compilation.experiments import probes  # noqa: E402
from paralg.rounds.neural_compilation.experiments.network import (  # noqa: E402
    HintNetwork,
    HintRollout,
    rollout,
)
from paralg.rounds.neural_compilation.experiments.records import records  # noqa: E402
from paralg.rounds.neural_compilation.experiments.runs import RUNS, held_out  # noqa: E402
from paralg.rounds.neural_compilation.experiments.traces import TASKS, draw  # noqa: E402
from paralg.rounds.neural_compilation.experiments.warm_start import from_compiled  # noqa: E402


@pytest.mark.parametrize("name", TASKS)
def test_shipped_runs_score_what_their_logs_say(name):
    model, batch = RUNS.load(name), held_out(name, 8)
    found = rollout(model, batch).accuracy(batch, model.task)
    assert found == pytest.approx(RUNS.log(name)["scores"]["8"], abs=2e-3)


@pytest.mark.parametrize("name", TASKS)
def test_untrained_networks_take_every_hint(name):
    torch.manual_seed(0)
    model = HintNetwork(TASKS[name], 8)
    batch = draw(TASKS[name], 5, 4, np.random.default_rng(0))
    loss = HintRollout(model, batch, keep=False).loss
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert set(rollout(model, batch).right) == set(TASKS[name].hints)


def test_what_the_page_says_of_breadth_first_search():
    model, batch = RUNS.load("bfs"), held_out("bfs", 12)
    every, few = probes.report(model, batch), probes.report(model, batch, only_deciding=True)
    assert every.between < every.internal["lowest id"] < 0.6
    assert few.internal["lowest id"] > 0.75
    assert few.agreement["highest id"] > 0.9
    assert probes.probe_states(model, batch)["reached"] > 0.9


def test_an_exact_start_is_exact_and_gets_worse_inside():
    found = from_compiled(0.0, 0, 0)
    assert found["before"]["right"] == 1
    assert found["before"]["faithful"] > 0.9999
    warm = records.read("warm")
    assert np.mean([run["after"]["right"] for run in warm["exact"]]) > 0.95
    assert np.mean([run["after"]["faithful"] for run in warm["exact"]]) < 0.9
    assert np.mean([run["after"]["right"] for run in warm["random"]]) < 0.3


def test_compiled_layer_loads_into_a_public_one():
    pytest.importorskip("torch_geometric")
    from benchmarks.bench_neural_compilation import GeometricLayer, geometric_run, graph

    layer = GeometricLayer(BFS().layers[0])
    for n in (1, 2, 9, 20):
        ours = run_compiled(BFS(), graph(n)).states[-1]
        assert np.abs(geometric_run(layer, graph(n)) - ours).max() < 1e-9
    with pytest.raises(ValueError, match="no edge in its message"):
        GeometricLayer(BellmanFord().layers[0])

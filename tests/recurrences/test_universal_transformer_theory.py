"""What the chapter proves: rule 110, hops and rounds, counts; examples of all docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch

from paralg.core.cost import Cost
from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer import theory as costs
from paralg.recurrences.universal_transformer.experiments import objectives
from paralg.recurrences.universal_transformer.theory import (
    automaton,
    decode,
    encode,
    rule_steps,
    table_of,
)

MODULES = [
    f"{ut.__name__}.{module.name}"
    for module in pkgutil.iter_modules(ut.__path__)
    if module.name != "checks"
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0


def test_importing_the_package_is_light():
    code = f"import sys, {ut.__name__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert set(ut.__all__) <= set(dir(ut))
    for name in ut.__all__:
        assert getattr(ut, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        ut.nonsense  # noqa: B018


# ---- cellular automata ----


@pytest.mark.parametrize("rule", [0, 30, 90, 110, 255])
def test_the_hand_made_recurrence_is_the_automaton(rule):
    cells = np.random.default_rng(rule).integers(0, 2, 33)
    with torch.no_grad():
        run = automaton(rule)(encode(cells), steps=60, keep=True)
    assert np.array_equal([decode(state) for state in run.states], rule_steps(cells, 60, rule)[1:])


def test_rounding_does_not_grow_with_the_steps():
    cells = np.random.default_rng(0).integers(0, 2, 20)
    with torch.no_grad():
        last = automaton(110)(encode(cells), steps=2000).output[0, :, 0]
    assert (last - last.round()).abs().max() < 1e-12


@pytest.mark.parametrize("cells", [[], [0], [1], [1, 1, 0]])
def test_small_automata(cells):
    with torch.no_grad():
        run = automaton(110)(encode(cells), steps=3)
    assert decode(run.output).tolist() == rule_steps(cells, 3)[-1].tolist()


def test_rules_out_of_range():
    with pytest.raises(ValueError, match="rule must lie in 0 … 255, got 256"):
        table_of(256)


# ---- rounds and hops ----


def path(n):
    return ut.from_networkx(nx.path_graph(n), 0)


@pytest.mark.parametrize("rounds", [0, 1, 3, 6])
def test_a_state_depends_on_nothing_beyond_as_many_hops_as_rounds(rounds):
    torch.manual_seed(0)
    core = ut.Recurrence(ut.UTConfig(d_model=16, position="none")).double().eval()
    x = torch.randn(1, 10, 16, dtype=torch.float64)
    moved = x.clone()
    moved[:, 0] = torch.randn(16, dtype=torch.float64)
    mask = path(10).attention_mask
    with torch.no_grad():
        one, other = (core(one, attention_mask=mask, steps=rounds).output for one in (x, moved))
    differs = (one != other).any(dim=-1)[0]
    assert differs.tolist() == [k <= rounds for k in range(10)]


def test_distances_against_networkx():
    rng = np.random.default_rng(1)
    for n in (1, 2, 9, 30):
        graph = nx.gnp_random_graph(n, 0.12, seed=int(rng.integers(99)))
        source = int(rng.integers(n))
        known = nx.single_source_shortest_path_length(graph, source)
        found = ut.from_networkx(graph, source)
        assert found.distance[0].tolist() == [known.get(k, -1) for k in range(n)]
        assert found.symbols[0].nonzero().tolist() == [[source]]


def test_forests_are_forests():
    batch = ut.Reachability(nodes=14).draw(40, np.random.default_rng(0))
    for attention_mask, symbols, distance in zip(
        batch.attention_mask, batch.symbols, batch.distance, strict=True
    ):
        graph = nx.from_numpy_array(attention_mask.numpy())
        graph.remove_edges_from(nx.selfloop_edges(graph))
        assert nx.is_forest(graph)
        assert distance[symbols.bool()].tolist() == [0]
    assert batch.distance.max() >= 6
    assert torch.equal(batch.targets, (batch.distance >= 0).long())


# ---- counts ----


def test_counts_of_runs_are_the_closed_forms():
    for n, steps in ((1, 1), (7, 3), (20, 6)):
        run = ut.Recurrence(ut.UTConfig(steps=steps))(torch.zeros(1, n, 32))
        assert run.cost == costs.ut_cost(n, steps) == run.active
    assert costs.rnn_cost(9) == Cost(work=9, span=9)


def test_operations_against_a_counter():
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    config = ut.UTConfig(d_model=32, d_ff=64, steps=1, position="none", step_signal="none")
    core, x = ut.Recurrence(config), torch.zeros(1, 50, 32)
    plain = sdpa_kernel(SDPBackend.MATH)  # products that the counter knows
    with FlopCounterMode(display=False) as counter, torch.no_grad(), plain:
        core(x)
    assert counter.get_total_flops() == 2 * costs.block_operations(config, 50, 50).total


def test_equal_parameters():
    config = ut.UTConfig(d_model=64, d_ff=128, steps=4, norm="pre")
    width = costs.layers_of_equal_parameters(64, 4)
    narrow = replace(config, d_model=width, d_ff=2 * width)
    one, other = ut.Recurrence(config), ut.PlainStack(narrow)
    ratio = costs.parameters(other) / costs.parameters(one)
    assert 0.9 < ratio < 1.1
    deep = ut.PlainStack(config)
    assert costs.parameters(deep) > 3.9 * costs.parameters(one)


# ---- losses ----


def test_the_expected_loss_of_a_certain_halt_is_the_loss_there():
    model = ut.Tagger(2, 2, ut.UTConfig(halting="position", close=True, halting_bias=40.0))
    batch = ut.Reachability().draw(3, np.random.default_rng(0))
    logits, run = model(batch.symbols, attention_mask=batch.attention_mask, keep=True)
    mixed = objectives.mixed_loss(logits, batch.targets, run, 0.0)
    expected = objectives.expected_loss(model, batch.targets, run, 0.25)
    assert expected.item() == pytest.approx(mixed.item() + 0.25, abs=1e-5)
    with pytest.raises(ValueError, match="keep=True"):
        objectives.expected_loss(model, batch.targets, replace(run, states=()), 0.0)


def test_an_open_law_makes_the_expected_loss_vanish():
    """Never halting gives every state weight 0, unless what is left is handed out."""
    batch = ut.Reachability().draw(3, np.random.default_rng(0))
    found = {}
    for close in (False, True):
        model = ut.Tagger(2, 2, ut.UTConfig(halting="position", close=close, halting_bias=-40.0))
        _, run = model(batch.symbols, attention_mask=batch.attention_mask, keep=True)
        found[close] = objectives.expected_loss(model, batch.targets, run, 0.01).item()
    assert found[False] < 1e-6
    assert found[True] > 0.1


def test_halting_law_sums_to_one():
    p = torch.rand(6, 10)
    law = objectives.halting_law(p)
    assert torch.allclose(law.sum(dim=0), torch.ones(10))
    assert torch.allclose(law[2], p[2] * (1 - p[1]) * (1 - p[0]))

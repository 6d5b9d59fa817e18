"""Automata, hops and counts; tasks, losses and the shipped runs; examples of all docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn.functional import cross_entropy

from paralg.core.cost import Cost
from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer import theory
from paralg.recurrences.universal_transformer.experiments import evaluate, tasks
from paralg.recurrences.universal_transformer.experiments import runs as train
from paralg.recurrences.universal_transformer.experiments.records import records
from tests.recurrences.ut_cases import core, run_of, states


def rng(seed=0):
    return np.random.default_rng(seed)


GRAPHS = ut.Reachability().draw(20, rng())


def test_the_package_is_light_and_its_examples_are_right():
    code = f"import sys, {ut.__name__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert all(getattr(ut, name).__doc__ for name in ut.__all__)
    for module in pkgutil.walk_packages(ut.__path__, f"{ut.__name__}."):
        assert doctest.testmod(importlib.import_module(module.name)).failed == 0, module.name


@pytest.mark.parametrize("rule", [0, 30, 110, 255])
@pytest.mark.parametrize("n, steps", [(0, 3), (1, 3), (33, 40)])
def test_the_hand_made_recurrence_is_the_automaton(rule, n, steps):
    cells = rng(rule).integers(0, 2, n)
    run = run_of(theory.automaton(rule), theory.encode(cells), steps=steps, keep=True)
    by_rule = theory.rule_steps(cells, steps, rule)[1:]
    assert np.array_equal([theory.decode(state) for state in run.states], by_rule)
    assert (run.output - run.output.round()).abs().sum() < 1e-12  # rounding does not grow
    with pytest.raises(ValueError, match="rule must lie in 0 … 255, got 256"):
        theory.table_of(256)


@pytest.mark.parametrize("rounds", [0, 1, 6])
def test_a_state_depends_on_nothing_beyond_as_many_hops_as_rounds(rounds):
    x, mask = states(1, 10), ut.from_networkx(nx.path_graph(10), 0).attention_mask
    moved = torch.cat([states(1, 1, seed=1), x[:, 1:]], dim=1)
    one, other = (run_of(core(), y, attention_mask=mask, steps=rounds).output for y in (x, moved))
    assert (one != other).any(dim=-1)[0].tolist() == [k <= rounds for k in range(10)]


@pytest.mark.parametrize("n", [1, 2, 9, 30])
def test_graphs_against_networkx(n):
    graph = nx.gnp_random_graph(n, 0.12, seed=n)
    known = nx.single_source_shortest_path_length(graph, n // 2)
    found, drawn = ut.from_networkx(graph, n // 2), ut.Reachability(n).draw(8, rng(n))
    assert found.distance[0].tolist() == [known.get(k, -1) for k in range(n)]
    assert found.symbols[0].nonzero().tolist() == [[n // 2]]
    assert torch.equal(ut.Reachability(n).draw(8, rng(n)).attention_mask, drawn.attention_mask)
    for mask in drawn.attention_mask:
        assert nx.is_forest(nx.from_numpy_array((mask & ~torch.eye(n).bool()).numpy()))
    assert torch.equal(drawn.symbols == 1, drawn.distance == 0)
    assert torch.equal(drawn.targets == 1, drawn.distance >= 0)
    assert GRAPHS.distance.max() >= 5


@pytest.mark.parametrize("n, steps", [(1, 1), (7, 3), (20, 6)])
def test_counts_are_the_closed_forms(n, steps):
    model = core(steps=steps)
    run = run_of(model, states(1, n))
    assert run.cost == theory.ut_cost(n, steps) == run.active
    assert theory.rnn_cost(n) == Cost(work=n, span=n)
    maps = sum(part.weight.numel() for part in model.modules() if isinstance(part, torch.nn.Linear))
    assert theory.block_operations(model.config, n, n) == maps * n + 2 * 16 * n * n
    thin = {"d_model": theory.layers_of_equal_parameters(64, 4), "d_ff": 64}
    sizes = core(d_model=64, d_ff=128), core(kind=ut.PlainStack, steps=4, **thin)
    assert theory.parameters(sizes[1]) == pytest.approx(theory.parameters(sizes[0]), rel=0.1)


PLACES = {
    "start": lambda n, m: list(range(m)),
    "plus": lambda n, m: [*range(n + 1)] * 2,
    "end": lambda n, m: [*range(m - 2, -1, -1), m - 1],
}


@pytest.mark.parametrize("name, by", [("copy", "start"), ("reverse", "start"), ("reverse", "end"),
                                      ("add", "start"), ("add", "plus")])  # fmt: skip
@pytest.mark.parametrize("length", [1, 7])
def test_strings(name, length, by):
    task = tasks.StringTask(name, by)
    pairs, again = (task.draw(20, rng(), length=length) for _ in range(2))
    assert torch.equal(pairs.source, again.source)
    assert pairs.positions.tolist() == PLACES[by](length, pairs.source.shape[1])
    picked = (pairs.source[:, task.wanted(length)] - 3).transpose(1, 2).tolist()
    for source, target, digits in zip(pairs.source, pairs.target, picked, strict=True):
        assert source[-1] == target[-1] == tasks.END
        asked, said = tasks.say(source), tasks.say(target)
        assert ["".join(map(str, part)) for part in digits] == (
            asked.split("+") if name == "add" else [said]
        )
        if name == "add":  # lowest digit first
            assert sum(int(part[::-1]) for part in asked.split("+")) == int(said[::-1])
        else:
            assert said == (asked if name == "copy" else asked[::-1])


WRONG = {
    "name must be one of .*, got 'sort'": lambda: tasks.StringTask("sort"),
    "numbering must be one of .*, got 'middle'": lambda: tasks.StringTask("add", "middle"),
    "only 'add' has a plus to count from, got 'copy'": lambda: tasks.StringTask("copy", "plus"),
    "at least 1, got 0": lambda: tasks.StringTask("copy").draw(1, rng(), length=0),
    "expected one of reach-fixed": lambda: train.RUNS.plan("nonsense"),
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_tasks_are_named(words):
    with pytest.raises(ValueError, match=words):
        WRONG[words]()


@pytest.mark.parametrize("plain", [False, True])
def test_scores_of_strings(plain):
    """A perfect writer; two equal tasks; even attention, of which each digit gets 1 of n + 1."""
    back = {"copy": lambda x: x, "reverse": lambda x: torch.cat([x[:, :-1].flip(1), x[:, -1:]], 1)}
    for name, right in back.items():
        perfect = SimpleNamespace(transduce=lambda x, n, f=right, **_: SimpleNamespace(tokens=f(x)))
        assert evaluate.string_accuracy(perfect, tasks.StringTask(name), 6) == (1.0, 1.0)
    assert evaluate.string_accuracy(perfect, tasks.StringTask("copy"), 6)[0] < 0.5
    model = ut.Seq2Seq(14, ut.UTConfig(steps=2), plain=plain, seed=3).eval()
    pairs = tasks.StringTask("reverse", "end").draw(5, rng(), length=6)
    one = model(pairs.source, pairs.target, position_ids=pairs.positions).logits
    other = model(back["reverse"](pairs.source), pairs.target).logits
    assert torch.allclose(one, other, atol=1e-5)  # numbered from the end, reversing is copying
    for part in model.decoder.modules():
        if isinstance(part, ut.UTBlock):
            torch.nn.init.zeros_(part.cross.k.weight)
    for name, share in (("copy", 1 / 6), ("reverse", 1 / 6), ("add", 2 / 12)):
        right, mass = evaluate.attention_share(model, tasks.StringTask(name), 5, rows=4)
        assert mass == pytest.approx(np.full(5, share), abs=1e-5)
        assert 0 <= right <= 1


def test_scores_by_distance_and_spearman_against_scipy():
    model = ut.Tagger(2, 2, ut.UTConfig(steps=2))
    always = {"readout.weight": torch.zeros(2, 32), "readout.bias": torch.tensor([0.0, 1.0])}
    model.load_state_dict(model.state_dict() | always)
    found = evaluate.by_distance(model, GRAPHS)
    assert found.right.tolist() == [0.0] + [1.0] * (len(found.distance) - 1)
    assert (found.steps == 2).all()
    assert np.isnan(found.correlation)
    x, y = rng().integers(0, 6, (2, 40))
    assert evaluate.spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("bias, last, steps", [(40.0, 0, 1), (-40.0, -1, 6)])
def test_the_expected_loss(close, bias, last, steps):
    """A certain halt: the loss there; never halting: nothing, unless what is left is handed out."""
    model = ut.Tagger(2, 2, ut.UTConfig(halting="position", close=close, halting_bias=bias))
    _, run = model(GRAPHS.symbols, attention_mask=GRAPHS.attention_mask, keep=True)
    expected = train.expected_loss(model, GRAPHS.targets, run, 0.25).item()
    there = cross_entropy(model.readout(run.states[last]).flatten(0, 1), GRAPHS.targets.flatten())
    certain = bias > 0 or close
    assert expected == pytest.approx((there.item() + 0.25 * steps) * certain, abs=1e-5)
    with pytest.raises(ValueError, match="keep=True"):
        train.expected_loss(model, GRAPHS.targets, replace(run, states=()), 0.0)


def test_recipes():
    """The halting distribution, the ramp of the ponder cost, the lengths that grow."""
    found = train.halting_distribution(p := torch.rand(6, 10))
    assert torch.allclose(found.sum(dim=0), torch.ones(10))
    assert torch.allclose(found[2], p[2] * (1 - p[1]) * (1 - p[0]))
    assert [train.ramp(step, 2, 2) for step in range(6)] == [0, 0, 0, 0.5, 1, 1]
    assert [train.ramp(step, 2, 0) for step in range(4)] == [0, 0, 1, 1]
    chosen = replace(train.RECIPES["reach-ramp-4"], begin=2, length=2)
    model, free = chosen.model(), replace(chosen, ponder=0.0)
    paid = [
        (chosen.loss(model, rng(), t)[0] - free.loss(model, rng(), t)[0]).item() for t in (2, 9)
    ]
    assert paid[0] == 0
    assert paid[1] > 0.01
    chosen = replace(train.RECIPES["add-ut"], copies=10, grow=30)
    assert chosen.lesson(9) == (tasks.StringTask("copy"), 10)
    lengths = [chosen.lesson(step) for step in (10, 20, 30, 39, 40, 999)]
    assert lengths == [(chosen.task, n) for n in (1, 2, 5, 9, 10, 10)]


@pytest.mark.weekly
def test_training_learns():
    curve = train.RUNS.fit("reach-fixed", steps=60)[1]["curve"]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]


@pytest.mark.parametrize("name", ["copy-act", *(
    pytest.param(name, marks=pytest.mark.weekly)
    for name in ("reach-official-4", "reach-expected-4", "add-deep")
)])  # fmt: skip
def test_training_repeats_itself_and_is_written(name, tmp_path, capsys, monkeypatch):
    short = replace(train.RECIPES[name], batch=4, **({"tested": (1, 3)} if "copy" in name else {}))
    monkeypatch.setitem(train.RECIPES, name, short)
    made, curves = replace(train.RUNS, folder=tmp_path), []
    for seed, out in ((5, tmp_path), (6, tmp_path), (5, tmp_path / "again")):
        options = ["--steps", "2", "--seed", str(seed), "--out", str(out), "--nice", "0"]
        assert made.main([name, *options], module="paralg.example") == 0
        assert f"{name}-{seed}" in capsys.readouterr().out
        curves.append(replace(made, folder=out).log(name, seed)["curve"])
    assert curves[0] == curves[2] != curves[1]
    assert short.score(made.load(name, 5)) == made.log(name, 5)["scores"]
    assert made.main(["nonsense"], module="paralg.example") == 2


def test_every_log_is_whole_and_weights_are_small():
    for path in train.RUNS.folder.glob("*.json"):
        name, _, seed = path.stem.rpartition("-")
        record, chosen = train.log(name, int(seed)), train.RECIPES[name]
        assert (record["recipe"], record["seed"]) == (name, int(seed))
        assert record["steps"] == chosen.plan.steps == record["curve"][-1]["step"]
        assert record["scores"].get("lengths", []) == list(getattr(chosen, "tested", []))
    assert all(path.stat().st_size < 1_500_000 for path in train.RUNS.folder.glob("*.safetensors"))


@pytest.mark.parametrize(
    "graphs, rows", [(40, 12), pytest.param(500, 100, marks=pytest.mark.weekly)]
)
def test_shipped_weights_score_what_their_log_says(graphs, rows):
    for name in train.RUNS.names():
        chosen, model = train.RECIPES[name[:-2]], train.load(name[:-2])
        scores = train.log(name[:-2])["scores"]
        if "lengths" in scores:
            token, _ = evaluate.string_accuracy(model, chosen.task, 10, rows=rows)
            assert token == pytest.approx(
                scores["token"][scores["lengths"].index(10)], abs=2 / rows
            )
            continue
        found = evaluate.by_distance(model, chosen.task, graphs=graphs)
        for what, got in (("right", found.right), ("taken", found.steps)):
            wanted = dict(zip(scores["distance"], scores[what], strict=True))
            assert got == pytest.approx([wanted[k] for k in found.distance], abs=4 / graphs), name


def test_a_network_of_fixed_depth_uses_all_its_rounds():
    found = evaluate.by_distance(train.load("reach-fixed"), ut.Reachability(24), graphs=40, steps=9)
    reached = found.distance >= 0
    assert (found.right[reached] == (found.distance[reached] <= 9)).all()
    for rounds, row in records.read("rounds").items():
        reached = {int(k): right for k, right in row.items() if k != "-1"}
        assert all(right == (k <= int(rounds)) for k, right in reached.items())


@pytest.mark.weekly
@pytest.mark.parametrize("name", records.makers)
def test_records_are_what_their_makers_make(name):
    made = records.make(name)
    assert all(made[row] == pytest.approx(x, abs=0.02) for row, x in records.read(name).items())


def test_findings_of_halting():
    for rate in ("2", "4"):
        assert train.log(f"reach-open-{rate}")["scores"]["accuracy"] < 0.75
        for run in (
            *train.RUNS.logs(f"reach-low-{rate}"),
            *train.RUNS.logs(f"reach-expected-{rate}"),
        ):
            assert min(run["scores"]["accuracy"], run["scores"]["correlation"] + 0.09) > 0.99
    for run in train.RUNS.logs("reach-official-2"):
        right = dict(zip(run["scores"]["distance"], run["scores"]["right"], strict=True))
        assert max(run["scores"]["taken"]) < 3
        assert [right[k] for k in range(5)] == [1, 1, 1, 0, 0]


FINDINGS = [
    # runs, and bounds of the right characters at a length
    ("copy-ut copy-act copy-thin copy-layers", {10: (0.99, 1), 20: (0.85, 1)}),
    ("copy-once copy-narrow copy-deep", {10: (0, 0.6), 20: (0, 0.35)}),
    ("add-ut add-act add-thin", {10: (0.9, 1), 20: (0.6, 1)}),
    ("add-narrow", {10: (0, 0.3)}),
    ("reverse-still", {10: (0.95, 1), 12: (0, 0.3)}),
    ("reverse-ut", {10: (0, 0.6)}),
    ("copy-still", {10: (1, 1), 20: (0, 0.6)}),
]


@pytest.mark.parametrize("names, bounds", FINDINGS)
def test_findings_of_strings(names, bounds):
    for one in (run["scores"] for name in names.split() for run in train.RUNS.logs(name)):
        for length, (low, high) in bounds.items():
            at = one["lengths"].index(length)
            assert low <= one["token"][at] <= high
            assert one["looks"][at] > 0.55 or (length, low) != (20, 0.85)
    shares = records.read("numberings")  # the copying network reverses what is counted from the end
    assert shares["end"]["20"] > 0.95 > 0.3 > shares["start"]["20"]

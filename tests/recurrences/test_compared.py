"""Five mixers behind one interface: causal, the same in parallel and step by step, counted."""

import doctest
import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from paralg.recurrences import compared
from paralg.recurrences.compared import MIXERS, needs, network
from paralg.recurrences.compared.experiments import runs
from paralg.recurrences.compared.theory import MixerSizes
from paralg.sequence import (
    ConvolutionBlock,
    Drift,
    KeyValueCache,
    Recall,
    SequenceModel,
    Tracking,
    stream,
)

TASKS = {"recall": Recall(), "tracking": Tracking(), "drift": Drift(segment=4)}
CACHES = ("softmax", "lla")


def small(mixer, kind="tracking", **sizes):
    task = TASKS[kind]
    return network(mixer, task.inputs, task.outputs, tokens=task.tokens, width=16, **sizes)


@pytest.mark.parametrize("module", ["mixers", "theory", "experiments.runs"])
def test_examples_run(module):
    module = importlib.import_module(f"paralg.recurrences.compared.{module}")
    assert doctest.testmod(module).failed == 0


def test_all_know_the_same_mixers():
    assert tuple(MIXERS) == tuple(compared.NAMES)
    assert [needs(mixer, 1).state for mixer in MIXERS]


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("n", [1, 2, 17])
@torch.no_grad()
def test_whole_sequence_equals_token_by_token(mixer, n):
    model = small(mixer)
    x = torch.from_numpy(np.random.default_rng(n).integers(0, 6, (2, n)))
    state, outputs = model.begin(2), []
    for t in range(n):
        out, state = model.step(x[:, t], state)
        outputs.append(out)
    assert torch.allclose(torch.stack(outputs, 1), model(x), atol=2e-5)


def numbers(state):
    """Return copies of all tensors in a state."""
    if isinstance(state, KeyValueCache):
        state = state.held() if len(state) else ()
    return [state.clone()] if isinstance(state, torch.Tensor) else sum(map(numbers, state), [])


@pytest.mark.parametrize("block", [None, ConvolutionBlock])
@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_a_step_leaves_the_state_it_is_given_as_it_is(mixer, block):
    length = 20 if mixer == "lla" else 70  # a cache has room for 64 tokens before it doubles
    model = small(mixer)
    if block:
        model = SequenceModel(lambda: MIXERS[mixer](16, 2, 4), 6, 6, width=16, block=block)
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 6, (2, length)))
    whole, states, line = model(x), [], model.begin(2)
    for t in range(length):
        states.append((line, numbers(line.states)))
        line = model.step(x[:, t], line)[1]
        model.step(5 - x[:, t], states[-1][0])  # another way to go on
    for t, (state, was) in enumerate(states):
        assert all(map(torch.equal, numbers(state.states), was))
        if t in (0, 1, 15, 64, 69):
            assert torch.allclose(model.step(x[:, t], state)[0], whole[:, t], atol=2e-5)


@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_later_tokens_change_no_earlier_output(mixer):
    model = small(mixer, "drift")
    x = TASKS["drift"].draw(2, np.random.default_rng(0), size=2).inputs
    changed = x.clone()
    changed[:, 9:] += 1
    assert torch.allclose(model(x)[:, :9], model(changed)[:, :9], atol=1e-6)
    assert not torch.allclose(model(x)[:, 9:], model(changed)[:, 9:], atol=1e-3)


@pytest.mark.parametrize("mixer", MIXERS)
def test_every_weight_learns(mixer):
    model, task = small(mixer, "recall"), TASKS["recall"]
    batch = task.draw(4, np.random.default_rng(0), size=4)
    task.loss(model(batch.inputs), batch).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("mixer", MIXERS)
def test_states_have_the_sizes_of_the_formulas_and_caches_are_filled_to_them(mixer):
    at, sizes = (1, 2, 9, 150), MixerSizes(width=16, rank=1)
    model, x = small(mixer), torch.zeros(150, dtype=torch.int64)
    skips = {"at": at, "reads": 7, "window": 3}, {"at": at[2:], "reads": 2, "window": 3}
    for how in ({"at": at[:3]}, *skips):
        kept = stream(model, x, **how)
        assert kept.bytes.tolist() == [2 * 4 * needs(mixer, n, sizes).state for n in how["at"]]
        assert len(kept.seconds) == len(how["at"])


def matrix_products(mixer, n):
    """Return the multiply-adds of matrix products at token n, as torch counts them."""
    layer = MIXERS[mixer](64, 1, 4)
    state = layer.begin(1)
    for _ in range(n):
        with FlopCounterMode(display=False) as counter:
            _, state = layer.step(torch.randn(1, 64), state)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("n", [2, 20])
@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_work_is_that_of_the_matrix_products_and_what_is_beside_them(mixer, n):
    made, w, inner = matrix_products(mixer, n), 64, 128
    beside = {"softmax": 2 * n * w, "aaren": 3 * w, "mamba": inner * (4 + 4 * 16 + 3), "gru": 4 * w}
    if mixer == "lla":  # products of the solver: four passes over the keys and two an iteration
        iterations, rest = divmod(made - 4 * w * w - 4 * n * w, 2 * n * w)
        assert rest == 0
        assert 1 <= iterations <= 32
        assert needs(mixer, n, MixerSizes(iterations=iterations)).work == made
    else:
        assert needs(mixer, n).work == made + beside[mixer]


def test_wrong_names_are_refused():
    with pytest.raises(ValueError, match="mixer must be one of .'softmax', 'lla.*got 'lstm'"):
        small("lstm")
    with pytest.raises(ValueError, match="mixer must be one of .'softmax', 'lla.*got 'lstm'"):
        needs("lstm", 3)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        needs("gru", 0)


def test_a_run_is_trained_rounded_scored_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "SIZES", {"tracking": (4,)})
    monkeypatch.setattr(runs, "PER_POSITION", {"tracking": 5})
    ours = replace(runs.RUNS, folder=tmp_path)
    for seed in (0, 1):
        ours.train("tracking-gru", seed, steps=3)
    model = ours.load("tracking-gru")
    assert runs.score(model, "tracking-gru") == ours.log("tracking-gru")["scores"]
    kept = ours.log("tracking-gru")["positions"]
    assert runs.positions(model, "tracking-gru") == {"positions": kept}
    assert runs.positions(model, "recall-gru") == {"positions": []}
    with pytest.raises(ValueError, match="only the log is kept"):
        ours.load("tracking-gru", 1)


def test_what_ships_is_what_the_page_needs():
    assert set(runs.RUNS.names()) == set(runs.KEPT)
    for path in runs.RUNS.folder.glob("*.json"):
        name, _, seed = path.stem.rpartition("-")
        record = compared.log(name, int(seed))
        kind = record["recipe"].split("-")[0]
        assert record["steps"] == runs.PLANS[record["recipe"]].steps
        assert list(record["scores"]) == [str(n) for n in runs.SIZES[kind]]
        if kind in runs.PER_POSITION:
            mean = record["scores"][str(runs.PER_POSITION[kind])]
            assert np.mean(record["positions"]) == pytest.approx(mean, abs=1e-3)


def weekly_if_slow(stem):
    return pytest.param(stem, marks=pytest.mark.weekly) if "-lla-" in stem else stem


@pytest.mark.parametrize("stem", [weekly_if_slow(stem) for stem in runs.KEPT])
def test_shipped_runs_score_what_their_logs_say(stem):
    name, kind = stem.removesuffix("-0"), stem.split("-")[0]
    size = runs.SIZES[kind][0]
    score = compared.evaluate(compared.load(name), kind, size).mean()
    assert score == pytest.approx(compared.log(name)["scores"][str(size)], abs=5e-3)

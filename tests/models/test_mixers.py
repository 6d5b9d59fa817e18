"""Five mixers behind one interface: causal, the same in parallel and step by step, counted."""

import doctest
import importlib

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from paralg.models.mixers import recipes
from paralg.models.mixers.choice import MIXERS, build
from paralg.models.mixers.counts import Sizes, needs
from paralg.models.mixers.stack import SequenceModel, positions
from paralg.models.mixers.streaming import stream
from paralg.models.mixers.tasks import Drift, Recall, Tracking

TASKS = {"recall": Recall(), "tracking": Tracking(), "drift": Drift(segment=4)}


def network(mixer, kind="tracking", **sizes):
    task = TASKS[kind]
    return SequenceModel(mixer, task.inputs, task.outputs, embed=task.embed, width=16, **sizes)


@pytest.mark.parametrize("module", ["tasks", "stack", "counts"])
def test_examples_run(module):
    module = importlib.import_module(f"paralg.models.mixers.{module}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("n", [1, 2, 17, 40])
@torch.no_grad()
def test_whole_sequence_equals_token_by_token(mixer, n):
    model = network(mixer)
    x = torch.from_numpy(np.random.default_rng(n).integers(0, 6, (2, n)))
    states, outputs = model.first_states(2), []
    for t in range(n):
        out, states = model.step(x[:, t], t, states)
        outputs.append(out)
    assert torch.allclose(torch.stack(outputs, 1), model(x), atol=2e-5)


@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_later_tokens_change_no_earlier_output(mixer):
    model = network(mixer, "drift")
    x = TASKS["drift"].draw(2, np.random.default_rng(0), size=2).inputs
    changed = x.clone()
    changed[:, 9:] += 1
    assert torch.allclose(model(x)[:, :9], model(changed)[:, :9], atol=1e-6)
    assert not torch.allclose(model(x)[:, 9:], model(changed)[:, 9:], atol=1e-3)


@pytest.mark.parametrize("mixer", MIXERS)
def test_every_weight_learns(mixer):
    model, task = network(mixer, "recall"), TASKS["recall"]
    batch = task.draw(4, np.random.default_rng(0), size=4)
    task.loss(model(batch.inputs), batch).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("mixer,grows", [("softmax", True), ("lla", True), ("aaren", False),
                                         ("mamba", False), ("gru", False)])  # fmt: skip
def test_only_a_cache_grows(mixer, grows):
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 6, 40))
    kept = stream(network(mixer), x, (10, 20, 40))
    assert kept.bytes.tolist() == (
        [2 * 2 * 16 * 4 * n for n in (10, 20, 40)] if grows else [kept.bytes[0]] * 3
    )
    assert len(kept.seconds) == 3


@pytest.mark.parametrize("mixer", ["softmax", "lla"])
def test_a_filled_cache_is_as_long_as_a_read_one(mixer):
    x, model = torch.zeros(300, dtype=torch.int64), network(mixer)
    filled = stream(model, x, (5, 200, 300), window=3, reads=7)
    assert filled.bytes.tolist() == [2 * 4 * needs(mixer, n, Sizes(width=16)).state
                                     for n in (5, 200, 300)]  # fmt: skip


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("n", [1, 2, 9])
def test_states_have_the_sizes_of_the_formulas(mixer, n):
    model = network(mixer, layers=1)
    kept = stream(model, torch.zeros(n, dtype=torch.int64), (n,))
    assert kept.bytes == 4 * needs(mixer, n, Sizes(width=16, rank=1)).state


def matrix_products(mixer, n):
    """Return the multiply-adds of matrix products at token n, as torch counts them."""
    layer = build(mixer, 64, 1, 4)
    state = layer.begin(1)
    for _ in range(n):
        with FlopCounterMode(display=False) as counter:
            _, state = layer.step(torch.randn(1, 64), state)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("n", [2, 40])
@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_work_is_that_of_the_matrix_products_and_what_stands_beside_them(mixer, n):
    made, w, inner = matrix_products(mixer, n), 64, 128
    beside = {"softmax": 2 * n * w, "aaren": 3 * w, "mamba": inner * (4 + 4 * 16 + 3), "gru": 4 * w}
    if mixer == "lla":  # products of the solver: four passes over the keys and two an iteration
        iterations, rest = divmod(made - 4 * w * w - 4 * n * w, 2 * n * w)
        assert rest == 0
        assert 1 <= iterations <= 32
        assert needs(mixer, n, Sizes(iterations=iterations)).work == made
    else:
        assert needs(mixer, n).work == made + beside[mixer]


@pytest.mark.parametrize("at", [(), (3, 2), (0, 1), (5, 50)])
def test_a_stream_is_looked_at_where_it_is(at):
    with pytest.raises(ValueError, match="at must ascend from at least 1 to at most 9"):
        stream(network("gru"), torch.zeros(9, dtype=torch.int64), at)


def test_wrong_names_are_refused():
    with pytest.raises(ValueError, match="mixer must be one of softmax, lla.*got 'lstm'"):
        build("lstm", 16, 1, 4)
    with pytest.raises(ValueError, match="expected one of recall-softmax.*got 'sort-gru'"):
        recipes.fresh("sort-gru")
    with pytest.raises(ValueError, match="size must be between 1 and 32 pairs, got 33"):
        Recall().draw(1, np.random.default_rng(0), size=33)


def test_positions_are_distinct_and_bounded():
    p = positions(torch.arange(2000), 16)
    assert p.shape == (2000, 16)
    assert p.abs().max() <= 1
    assert torch.pdist(p[::7]).min() > 1e-3


def test_recall_asks_every_key_once_and_knows_its_value():
    task = Recall()
    batch = task.draw(50, np.random.default_rng(3), size=9)
    keys, values = batch.inputs[:, 0:18:2], batch.inputs[:, 1:18:2] - task.keys
    asked = batch.inputs[:, 18:]
    assert torch.equal(asked.sort(1).values, keys.sort(1).values)
    found = (asked[:, :, None] == keys[:, None]).long().argmax(-1)
    assert torch.equal(values.gather(1, found), batch.targets)


def test_tracking_follows_three_things():
    elements = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    batch = Tracking(20).draw(30, np.random.default_rng(4))
    for tokens, targets in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        place = (0, 1, 2)
        for token, target in zip(tokens, targets, strict=True):
            place = tuple(elements[token][i] for i in place)
            assert elements[target] == place


def test_drift_is_linear_within_a_segment_and_jumps_between_them():
    task = Drift(width=3, segment=12)
    keys, values = task.pairs(5, np.random.default_rng(5), 3)
    batch = task.draw(5, np.random.default_rng(5), size=3)
    assert np.allclose(np.linalg.norm(keys, axis=-1), 1, atol=1e-6)
    asking, telling = batch.inputs[:, ::2], batch.inputs[:, 1::2]
    assert np.array_equal(asking[..., :3], keys)
    assert np.array_equal(telling[..., :6], np.concatenate([keys, values], 2))
    assert not asking[..., 3:6].any()
    assert np.array_equal(batch.targets, values)
    for row in range(5):
        first, second = (slice(s, s + 12) for s in (0, 12))
        fit = np.linalg.lstsq(keys[row, first], values[row, first], rcond=None)[0]
        assert np.allclose(keys[row, first] @ fit, values[row, first], atol=1e-5)
        assert not np.allclose(keys[row, second] @ fit, values[row, second], atol=1e-2)
    zero = torch.zeros(5, 72, 3)
    assert task.loss(zero, batch).item() == pytest.approx(1, abs=1e-5)


def test_jumps_come_anywhere_in_training_and_never_before_the_first_question():
    task = Drift(width=3, segment=4, segments=6)
    keys, values = task.pairs(400, np.random.default_rng(6))
    assert keys.shape == values.shape == (400, 24, 3)
    first = task.pairs(400, np.random.default_rng(6), 6)[0]
    assert np.array_equal(keys, first)  # where the map jumps is all that differs
    told = np.mean([_explained(k, v) for k, v in zip(keys, values, strict=True)], axis=0)
    assert told == pytest.approx(np.full(21, 0.75**3), abs=0.1)  # no jump in three places


def _explained(keys, values):
    """Say for each question from the fourth on whether the map of the three before explains it."""
    fits = np.linalg.solve(np.stack([keys[i : i + 3] for i in range(21)]),
                           np.stack([values[i : i + 3] for i in range(21)]))  # fmt: skip
    return np.abs(np.einsum("nd,nde->ne", keys[3:], fits) - values[3:]).max(1) < 1e-2


def test_a_run_is_trained_rounded_scored_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "SIZES", {"tracking": (4,)})
    monkeypatch.setattr(recipes, "PLACES", {"tracking": 5})
    options = ["--steps", "3", "--nice", "0", "--out", str(tmp_path)]
    for seed in ("0", "1"):
        assert recipes.main(["tracking-gru", "--seed", seed, *options]) == 0
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    model = recipes.load("tracking-gru")
    assert recipes.score(model, "tracking") == recipes.log("tracking-gru")["scores"]
    assert recipes.places(model, "tracking") == recipes.log("tracking-gru")["places"]
    assert [one["seed"] for one in recipes.logs("tracking-gru")] == [0, 1]
    assert recipes.places(model, "recall") == []
    with pytest.raises(ValueError, match="only the log is kept"):
        recipes.load("tracking-gru", 1)


def test_what_ships_is_what_the_page_needs():
    assert {path.stem for path in recipes.FOLDER.glob("*.safetensors")} == set(recipes.KEPT)
    for path in recipes.FOLDER.glob("*.json"):
        record = recipes.log(*path.stem.rsplit("-", 1))
        kind = record["recipe"].split("-")[0]
        assert record["steps"] == recipes.PLANS[record["recipe"]].steps
        assert list(record["scores"]) == [str(n) for n in recipes.SIZES[kind]]
        size = recipes.PLACES.get(kind)
        if size:
            mean = record["scores"][str(size)]
            assert np.mean(record["places"]) == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize("stem", recipes.KEPT)
def test_shipped_runs_score_what_their_logs_say(stem):
    name, kind = stem.removesuffix("-0"), stem.split("-")[0]
    size = recipes.SIZES[kind][0]
    score = recipes.evaluate(recipes.load(name), kind, size).mean()
    assert score == pytest.approx(recipes.log(name)["scores"][str(size)], abs=5e-3)

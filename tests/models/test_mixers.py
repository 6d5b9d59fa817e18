"""Five mixers behind one interface: causal, the same in parallel and step by step, counted."""

import doctest
import importlib

import numpy as np
import pytest
import torch

from paralg.models.mixers import recipes
from paralg.models.mixers.choice import MIXERS, build
from paralg.models.mixers.stack import SequenceModel, positions
from paralg.models.mixers.streaming import stream
from paralg.models.mixers.tasks import Drift, Recall, Tracking
from paralg.models.state import state_bytes

TASKS = {"recall": Recall(), "tracking": Tracking(), "drift": Drift(segment=4)}


def network(mixer, kind="tracking", **sizes):
    task = TASKS[kind]
    return SequenceModel(mixer, task.inputs, task.outputs, embed=task.embed, width=16, **sizes)


@pytest.mark.parametrize("module", ["tasks", "stack"])
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


def test_states_have_the_sizes_of_the_formulas():
    width, heads, inner = 16, 4, 32
    expected = {"gru": width, "aaren": heads * 2 + width, "mamba": inner * (16 + 3)}
    for name, size in expected.items():
        assert state_bytes(network(name, layers=1).first_states(1)) == 4 * size


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


def test_a_run_is_trained_scored_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "SIZES", {"tracking": (4,)})
    code = recipes.main(["tracking-gru", "--steps", "3", "--nice", "0", "--out", str(tmp_path)])
    assert code == 0
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    model = recipes.load("tracking-gru")
    score = recipes.evaluate(model, "tracking", 4).mean()
    assert recipes.log("tracking-gru")["scores"]["4"] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("name", sorted(recipes.PLANS))
def test_shipped_runs_score_what_their_logs_say(name):
    kind = name.split("-")[0]
    size = recipes.SIZES[kind][0]
    score = recipes.evaluate(recipes.load(name), kind, size).mean()
    assert score == pytest.approx(recipes.log(name)["scores"][str(size)], abs=2e-3)

"""Tasks, the network with exchangeable mixers, training, and the shipped runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.models import training
from paralg.recurrences.local_linear_attention import train
from paralg.recurrences.local_linear_attention.models import MIXERS, SequenceModel
from paralg.recurrences.local_linear_attention.tasks import (
    InContextRegression,
    PermutationState,
    Recall,
    permutation_table,
)

LOGS = sorted(path.stem for path in train.FOLDER.glob("*.json"))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_regression_rows_hold_the_label_one_place_later():
    batch = InContextRegression(24, 8, 3).draw(5, rng())
    assert batch.inputs.shape == (5, 24, 6)
    assert np.array_equal(batch.inputs[:, 1:, 3:], batch.targets[:, :-1])
    assert (batch.inputs[:, 0, 3:] == 0).all()
    x, y = batch.inputs[0, 8:16, :3].astype(float), batch.targets[0, 8:16].astype(float)
    assert np.linalg.lstsq(x, y, rcond=None)[1].max() < 1e-10  # one map a segment
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)


def test_recall_asks_each_key_for_its_value():
    task = Recall(5, 9)
    batch = task.draw(40, rng())
    for tokens, targets, asked in zip(batch.inputs, batch.targets, batch.asked, strict=True):
        book = dict(zip(tokens[:10:2], tokens[1:10:2], strict=True))
        assert len(book) == 5
        assert [book[key] for key in tokens[10:]] == targets[10:].tolist()
        assert asked.tolist() == [False] * 10 + [True] * 5
    assert task.length == 15
    assert task.chance == 1 / 9


@pytest.mark.parametrize("size", [2, 3, 4])
def test_permutations_are_a_group(size):
    table = permutation_table(size)
    order = len(table)
    assert (np.sort(table, axis=0) == np.arange(order)[:, None]).all()
    for a, b, c in rng().integers(0, order, (50, 3)):
        assert table[table[a, b], c] == table[a, table[b, c]]
    batch = PermutationState(6, size).draw(8, rng())
    assert (batch.targets[:, 0] == batch.inputs[:, 0]).all()
    assert (table[batch.targets[:, :-1], batch.inputs[:, 1:]] == batch.targets[:, 1:]).all()


def test_tasks_are_functions_of_the_generator():
    for task in train.TASKS.values():
        assert np.array_equal(task.draw(3, rng(7)).inputs, task.draw(3, rng(7)).inputs)


@pytest.mark.parametrize("mixer", MIXERS)
def test_no_mixer_looks_ahead(mixer):
    model = SequenceModel(mixer, (7, 5), tokens=True, width=32, seed=1).eval()
    tokens = torch.arange(12)[None] % 7
    other = tokens.clone()
    other[:, 8:] = 0
    with torch.no_grad():
        assert torch.allclose(model(tokens)[:, :8], model(other)[:, :8], atol=1e-5)
        assert model(tokens).shape == (1, 12, 5)
    model(tokens).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_only_the_mixer_differs():
    sizes = {m: sum(p.numel() for p in train.build(f"recall-{m}").parameters()) for m in MIXERS}
    assert sizes["lla"] == sizes["softmax"] + 2 == sizes["linear"] + 2
    assert sizes["mesa"] == sizes["softmax"]  # a ridge instead of a scale in each layer
    with pytest.raises(ValueError, match="mixer must be one of"):
        SequenceModel("gru", (2, 2), tokens=True)
    with pytest.raises(ValueError, match="expected one of regression-softmax"):
        train.build("recall-gru")


def test_conjugate_gradients_and_direct_solves_train_the_same_model():
    losses = {}
    for method in ("cg", "direct"):
        task = Recall(3, 5)
        model = SequenceModel("lla", task.sizes, tokens=True, width=8, method=method)
        plan = training.Plan("x", 5)
        run = training.Run(plan, model, _loss_of(task))
        losses[method] = [run.step() for _ in range(5)]
    np.testing.assert_allclose(losses["cg"], losses["direct"], rtol=1e-3)


def _loss_of(task):
    def loss(model, generator):
        batch = task.draw(4, generator)
        return train._errors(model(torch.from_numpy(batch.inputs)), batch)

    return loss


def test_training_repeats_itself(tmp_path, monkeypatch, capsys):
    plan = replace(train.PLANS["state-lla"], steps=3)
    monkeypatch.setitem(train.PLANS, "state-lla", plan)
    blobs = []
    for folder in ("a", "b"):
        out = tmp_path / folder
        assert train.main(["state-lla", "--seed", "4", "--out", str(out), "--nice", "0"]) == 0
        blobs.append((out / "state-lla-4.safetensors").read_bytes())
    assert blobs[0] == blobs[1]
    assert "state-lla-4" in capsys.readouterr().out
    model = train.load("state-lla", 4, tmp_path / "a")
    assert train.score(model, "state-lla") == train.log("state-lla", 4, tmp_path / "a")["scores"]
    assert train.main(["nothing", "--nice", "0"]) == 2
    assert "expected one of regression-softmax" in capsys.readouterr().err


@pytest.mark.parametrize("name", training.available(train.FOLDER))
def test_shipped_weights_score_what_their_log_says(name):
    stem, seed = name.rsplit("-", 1)
    found = train.score(train.load(stem, int(seed)), stem)
    logged = train.log(stem, int(seed))["scores"]
    assert found["mean"] == pytest.approx(logged["mean"], abs=5e-3)


def test_seeds_are_those_of_the_logs(tmp_path):
    for stem in ("state-lla-0", "state-lla-2", "state-lla-x", "state-lla-wide-1"):
        (tmp_path / f"{stem}.json").touch()
    assert train.seeds("state-lla", tmp_path) == [0, 2]
    assert train.seeds("state-mamba", tmp_path) == []
    assert train.seeds("state-lla")[0] == 0


def test_logs_are_whole_and_files_small():
    assert LOGS
    for stem in LOGS:
        record = json.loads((train.FOLDER / f"{stem}.json").read_text())
        plan = train.PLANS[record["recipe"]]
        assert stem == f"{record['recipe']}-{record['seed']}"
        assert record["steps"] == plan.steps == record["curve"][-1]["step"]
    for path in train.FOLDER.glob("*.safetensors"):
        assert path.stat().st_size < 150_000

"""Tasks, the network with exchangeable mixers, training, and the shipped runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.recurrences.local_linear_attention.experiments import runs as train
from paralg.recurrences.local_linear_attention.experiments.models import MIXERS, network
from paralg.recurrences.local_linear_attention.experiments.tasks import InContextRegression
from paralg.sequence import Recall
from paralg.training import Plan, TrainingRun

LOGS = sorted(path.stem for path in train.FOLDER.glob("*.json"))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_regression_rows_hold_the_label_one_place_later():
    batch = InContextRegression(24, 8, 3).draw(5, rng())
    assert batch.inputs.shape == (5, 24, 6)
    assert torch.equal(batch.inputs[:, 1:, 3:], batch.targets[:, :-1])
    assert (batch.inputs[:, 0, 3:] == 0).all()
    x, y = batch.inputs[0, 8:16, :3].double().numpy(), batch.targets[0, 8:16].double().numpy()
    assert np.linalg.lstsq(x, y, rcond=None)[1].max() < 1e-10  # one map a segment
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)


def test_tasks_are_functions_of_the_generator():
    for task in train.TASKS.values():
        assert np.array_equal(task.draw(3, rng(7)).inputs, task.draw(3, rng(7)).inputs)


@pytest.mark.parametrize("mixer", MIXERS)
def test_no_mixer_looks_ahead(mixer):
    model = network(mixer, 7, 5, tokens=True, seed=1).eval()
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
        network("gru", 2, 2, tokens=True)
    with pytest.raises(ValueError, match="expected one of regression-softmax"):
        train.build("recall-gru")


def test_conjugate_gradients_and_direct_solves_train_the_same_model():
    losses = {}
    for method in ("cg", "direct"):
        task = Recall(3, 5, 5, fewest=3, as_tokens=True)
        sizes = task.inputs, task.outputs
        model = network("lla", *sizes, tokens=True, width=8, method=method)
        run = TrainingRun(Plan("x", 5), model, _loss_of(task))
        losses[method] = [run.step() for _ in range(5)]
    np.testing.assert_allclose(losses["cg"], losses["direct"], rtol=1e-3)


def _loss_of(task):
    def loss(model, generator, step):
        batch = task.draw(4, generator)
        return task.loss(model(batch.inputs), batch), {}

    return loss


def test_training_repeats_itself(tmp_path, monkeypatch, capsys):
    plan = replace(train.PLANS["state-lla"], steps=3)
    monkeypatch.setitem(train.PLANS, "state-lla", plan)
    blobs = []
    for folder in ("a", "b"):
        out = tmp_path / folder
        words = ["state-lla", "--seed", "4", "--out", str(out), "--nice", "0"]
        assert train.RUNS.main(words, module="paralg.example") == 0
        blobs.append((out / "state-lla-4.safetensors").read_bytes())
    assert blobs[0] == blobs[1]
    assert "state-lla-4" in capsys.readouterr().out
    made = train.runs_in(tmp_path / "a")
    assert train.score(made.load("state-lla", 4), "state-lla") == made.log("state-lla", 4)["scores"]
    assert made.log("state-lla", 4)["parameters"] > 1000
    assert made.main(["nothing", "--nice", "0"], module="paralg.example") == 2
    assert "expected one of regression-softmax" in capsys.readouterr().err


@pytest.mark.parametrize("name", train.RUNS.names())
def test_shipped_weights_score_what_their_log_says(name):
    stem, seed = name.rsplit("-", 1)
    found = train.score(train.load(stem, int(seed)), stem)
    logged = train.log(stem, int(seed))["scores"]
    assert found["mean"] == pytest.approx(logged["mean"], abs=5e-3)


def test_logs_are_whole_and_files_small():
    assert LOGS
    for stem in LOGS:
        record = json.loads((train.FOLDER / f"{stem}.json").read_text())
        plan = train.PLANS[record["recipe"]]
        assert stem == f"{record['recipe']}-{record['seed']}"
        assert record["steps"] == plan.steps == record["curve"][-1]["step"]
    for path in train.FOLDER.glob("*.safetensors"):
        assert path.stat().st_size < 150_000

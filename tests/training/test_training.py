"""The training loop of all chapters: repeats itself, survives interruption, keeps whole files."""

import doctest
import importlib
import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from paralg.training import (
    Plan,
    Runs,
    TrainingRun,
    decay_groups,
    loop,
    train,
    write_weights,
)

PLAN = Plan("line", steps=60, rate=1e-1, warmup=5)


@pytest.fixture(autouse=True)
def _often_logged(monkeypatch):
    monkeypatch.setattr(loop, "_LOG_EVERY", 25)


@pytest.mark.parametrize("module", ["files", "loop", "memory", "runs"])
def test_examples_run(module):
    assert doctest.testmod(importlib.import_module(f"paralg.training.{module}")).failed == 0


def model(seed=0, dropout=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(2, 1))


def fit(net, rng, step):
    x = torch.from_numpy(rng.normal(size=(16, 2)).astype(np.float32))
    error = ((net(x)[:, 0] - (x[:, 0] - 2 * x[:, 1])) ** 2).mean()
    return error, {"worst": error.item() + 1, "step_of": step}


def runs_in(folder, **choices):
    plans = {"line": PLAN, "line-long": replace(PLAN, name="line-long", steps=1)}
    return Runs(folder, plans, build=lambda name, seed: model(seed), loss=lambda name: fit,
                score=lambda net, name: {"bias": net[1].bias.item()}, **choices)  # fmt: skip


def test_a_run_learns_repeats_itself_and_depends_on_its_seed():
    nets = [model() for _ in range(3)]
    records = [train(PLAN, net, fit, seed=seed) for net, seed in zip(nets, (0, 0, 1), strict=True)]
    curve = records[0]["curve"]
    assert curve == records[1]["curve"] != records[2]["curve"]
    assert [row["step"] for row in curve] == [25, 50, 60]
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
    assert curve[0]["worst"] == pytest.approx(curve[0]["loss"] + 1)
    assert [row["step_of"] for row in curve] == [12, 37, 54.5]
    assert torch.equal(nets[0][1].weight, nets[1][1].weight)


def test_dropout_follows_from_seed_and_step_and_disturbs_nobody_else():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = train(PLAN, model(dropout=0.5), fit)["curve"]
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert train(PLAN, model(dropout=0.5), fit)["curve"] == first
    assert train(PLAN, model(), fit)["curve"] != first


@pytest.mark.parametrize("stop", [0, 33])
def test_an_interrupted_run_ends_in_the_same_weights(tmp_path, monkeypatch, stop):
    whole = model(dropout=0.2)
    expected = train(PLAN, whole, fit)
    monkeypatch.setattr(loop, "_KEEP_EVERY", 7)
    step = TrainingRun.step

    def interrupted(run):
        if run.done == stop:
            raise KeyboardInterrupt
        return step(run)

    monkeypatch.setattr(TrainingRun, "step", interrupted)
    partial = tmp_path / "line.partial"
    with pytest.raises(KeyboardInterrupt):
        train(PLAN, model(dropout=0.2), fit, partial=partial)
    monkeypatch.setattr(TrainingRun, "step", step)
    again = model(7, dropout=0.2)
    assert train(PLAN, again, fit, partial=partial)["curve"] == expected["curve"]
    assert torch.equal(again[1].weight, whole[1].weight)
    assert list(tmp_path.iterdir()) == []


def test_the_partial_state_of_another_run_is_refused(tmp_path):
    partial = tmp_path / "line.partial"
    TrainingRun(PLAN, model(), fit, 3).keep(partial)
    with pytest.raises(ValueError, match=r"another run \(seed 3, 60 steps\), got seed 0"):
        train(PLAN, model(), fit, partial=partial)


def test_learning_rate_of_flat_and_falling_plans():
    rates = [PLAN.rate_at(step) for step in range(PLAN.steps + 1)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert max(rates) == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.01)
    assert replace(PLAN, floor=1.0).rate_at(59) == pytest.approx(0.1)


def test_vectors_and_marked_matrices_do_not_decay():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    net[1].weight._no_weight_decay = True
    bound, free = decay_groups(net, 0.1)
    assert bound["params"] == [net[0].weight]
    assert bound["weight_decay"] == 0.1
    assert len(free["params"]) == 3
    assert free["weight_decay"] == 0


@pytest.mark.parametrize("half", [False, True])
def test_files_come_back_and_damage_is_told(tmp_path, half):
    runs = runs_in(tmp_path / "new", half=half, facts=lambda net, name: {"parameters": 3})
    assert runs.train("line").startswith('line-0: {"bias": ')
    net, record = runs.load("line"), runs.log("line")
    assert not net.training
    assert net[1].weight.dtype == torch.float32
    assert record["scores"] == {"bias": net[1].bias.item()}
    assert record["parameters"] == 3
    trained, _ = runs.fit("line")
    expected = trained[1].weight.half().float() if half else trained[1].weight
    assert torch.equal(net[1].weight, expected)
    assert runs.names() == ["line-0"]
    path = runs.folder / "line-0.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(OSError, match="expected SHA-256"):
        runs.load("line")
    path.unlink()
    with pytest.raises(ValueError, match="only the log is kept"):
        runs.load("line")
    with pytest.raises(ValueError, match="expected a run among line-0; got 'line-4'"):
        runs.log("line", 4)
    with pytest.raises(ValueError, match="name must be one of .'line', 'line-long'., got 'curve'"):
        runs.train("curve")


def test_half_the_size_and_a_part_of_the_model(tmp_path):
    sizes = {}
    for name, choices in (("whole", {}), ("half", {"half": True}),
                          ("part", {"stored": lambda net: net[1]})):  # fmt: skip
        runs = runs_in(tmp_path / name, **choices)
        runs.train("line", steps=1)
        sizes[name] = (runs.folder / "line-0.safetensors").stat().st_size
        assert torch.equal(runs.load("line")[1].bias, runs.load("line")[1].bias)
    assert sizes["half"] < sizes["whole"]
    assert sizes["part"] != sizes["whole"]  # other names


def test_logs_of_all_seeds_come_in_order_and_weights_ship_on_request(tmp_path):
    runs = runs_in(tmp_path, kept=("line-9",))
    for name, seed in (("line", 10), ("line", 9), ("line-long", 0)):
        runs.train(name, seed, steps=1)
    assert runs.seeds("line") == [9, 10]
    assert [one["seed"] for one in runs.logs("line")] == [9, 10]
    assert runs.names() == ["line-9"]
    with pytest.raises(ValueError, match="expected a run among"):
        runs.logs("curve")


def test_the_optimiser_can_be_chosen(tmp_path):
    def sgd(net, plan):
        return torch.optim.SGD(net.parameters(), lr=plan.rate)

    default, chosen = runs_in(tmp_path), runs_in(tmp_path, optimiser=sgd)
    assert default.fit("line")[1]["curve"] != chosen.fit("line")[1]["curve"]


def test_command_line(tmp_path, capsys, monkeypatch):
    def call(*options):
        options = [*options, "--nice", "0", "--out", str(tmp_path)]
        return runs_in(tmp_path).main(options, module="paralg.example")

    assert call("line", "--steps", "3", "--seed", "2") == 0
    assert runs_in(tmp_path).log("line", 2)["steps"] == 3
    assert call("curve") == 2
    monkeypatch.setattr(TrainingRun, "step", lambda run: (_ for _ in ()).throw(KeyboardInterrupt))
    assert call("line", "--seed", "9") == 130
    told = capsys.readouterr()
    assert 'line-2: {"bias"' in told.out
    assert "name must be one of ('line', 'line-long'), got 'curve'" in told.err
    assert "goes on from" in told.err


def test_a_bar_is_shown_on_request_only(capsys):
    train(replace(PLAN, steps=2), model(), fit)
    assert capsys.readouterr().err == ""
    train(replace(PLAN, steps=2), model(), fit, progress=True)
    assert "line seed 0" in capsys.readouterr().err
    assert inspect.signature(train).parameters["progress"].default is False


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("paralg.training.files.os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_weights(model(), tmp_path / "line.safetensors")
    assert list(tmp_path.iterdir()) == []

"""The training loop of all chapters: repeats itself, survives interruption, keeps whole files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from paralg.models import training
from paralg.models.training import Plan, Run, available, command_line, load, log, logs, save, train

PLAN = Plan("line", steps=120, rate=1e-1, warmup=5)


def model(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Linear(2, 1)


def fit(net, rng):
    x = torch.from_numpy(rng.normal(size=(16, 2)).astype(np.float32))
    error = ((net(x)[:, 0] - (x[:, 0] - 2 * x[:, 1])) ** 2).mean()
    return error, {"worst": error.item() + 1}


def test_a_run_learns_repeats_itself_and_depends_on_its_seed():
    nets = [model() for _ in range(3)]
    records = [train(PLAN, net, fit, seed=seed) for net, seed in zip(nets, (0, 0, 1), strict=True)]
    assert records[0]["curve"] == records[1]["curve"] != records[2]["curve"]
    assert [row["step"] for row in records[0]["curve"]] == [50, 100, 120]
    assert records[0]["curve"][-1]["loss"] < 0.5 * records[0]["curve"][0]["loss"]
    assert records[0]["curve"][0]["worst"] == pytest.approx(records[0]["curve"][0]["loss"] + 1)
    assert torch.equal(nets[0].weight, nets[1].weight)


@pytest.mark.parametrize("stop", [0, 60, 110])
def test_an_interrupted_run_ends_in_the_same_weights(tmp_path, monkeypatch, stop):
    whole = model()
    expected = train(PLAN, whole, fit)
    monkeypatch.setattr(training, "_KEEP_EVERY", 7)
    step = Run.step

    def interrupted(run):
        if run.done == stop:
            raise KeyboardInterrupt
        return step(run)

    monkeypatch.setattr(Run, "step", interrupted)
    partial = tmp_path / "line.partial"
    with pytest.raises(KeyboardInterrupt):
        train(PLAN, model(), fit, partial=partial)
    monkeypatch.setattr(Run, "step", step)
    again = model(7)
    assert train(PLAN, again, fit, partial=partial)["curve"] == expected["curve"]
    assert torch.equal(again.weight, whole.weight)
    assert list(tmp_path.iterdir()) == []


def test_the_partial_state_of_another_run_is_refused(tmp_path):
    partial = tmp_path / "line.partial"
    Run(PLAN, model(), fit, 3).keep(partial)
    with pytest.raises(ValueError, match=r"another run \(seed 3, 120 steps\), got seed 0"):
        train(PLAN, model(), fit, partial=partial)


def test_learning_rate_of_flat_and_falling_plans():
    rates = [PLAN.rate_at(step) for step in range(PLAN.steps + 1)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert max(rates) == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.01)
    assert replace(PLAN, floor=1.0).rate_at(119) == pytest.approx(0.1)


def test_vectors_and_marked_matrices_do_not_decay():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    net[1].weight._no_weight_decay = True
    bound, free = training.decay_groups(net, 0.1)
    assert bound["params"] == [net[0].weight]
    assert bound["weight_decay"] == 0.1
    assert len(free["params"]) == 3
    assert free["weight_decay"] == 0


def test_files_come_back_and_damage_is_told(tmp_path):
    net = model()
    line = save(net, train(PLAN, net, fit), {"error": 0.5}, tmp_path)
    assert line.startswith('line-0: {"error": 0.5}')
    other = model(5)
    assert load(other, tmp_path, "line")["scores"] == {"error": 0.5}
    assert torch.equal(other.weight, net.weight)
    assert not other.training
    assert available(tmp_path) == ["line-0"]
    path = tmp_path / "line-0.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(OSError, match="expected SHA-256"):
        load(other, tmp_path, "line")
    path.unlink()
    with pytest.raises(ValueError, match="only the log is kept"):
        load(other, tmp_path, "line")
    with pytest.raises(ValueError, match="expected a run among line-0; got 'line-4'"):
        log(tmp_path, "line", 4)


def test_weights_may_be_kept_at_half_the_size(tmp_path):
    net = model()
    save(net, train(PLAN, net, fit), {}, tmp_path)
    whole = (tmp_path / "line-0.safetensors").stat().st_size
    save(net, log(tmp_path, "line"), {}, tmp_path, half=True)
    assert (tmp_path / "line-0.safetensors").stat().st_size == whole - 2 * 3
    other = model(5)
    load(other, tmp_path, "line")
    assert other.weight.dtype == torch.float32
    assert torch.equal(other.weight, net.weight.half().float())


def test_logs_of_all_seeds_come_in_order(tmp_path):
    for name, seed in (("line", 10), ("line", 9), ("line-long", 0)):
        save(None, train(replace(PLAN, name=name, steps=1), model(), fit, seed=seed), {}, tmp_path)
    assert [one["seed"] for one in logs(tmp_path, "line")] == [9, 10]
    with pytest.raises(ValueError, match="expected a run among"):
        logs(tmp_path, "curve")


def test_a_log_can_be_kept_alone(tmp_path):
    save(None, train(PLAN, model(), fit), {}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["line-0.json"]


def test_command_line(tmp_path, capsys):
    def go(plan, *, seed, out, progress):
        if seed == 9:
            raise KeyboardInterrupt
        net = model(seed)
        return save(net, train(plan, net, fit, seed=seed), {}, out)

    def call(*options):
        options = [*options, "--nice", "0", "--out", str(tmp_path)]
        return command_line("paralg.example", {"line": PLAN}, go, tmp_path, options)

    assert call("line", "--steps", "3", "--seed", "2") == 0
    assert log(tmp_path, "line", 2)["steps"] == 3
    assert call("curve") == 2
    assert call("line", "--seed", "9") == 130
    told = capsys.readouterr()
    assert "line-2: {}" in told.out
    assert "expected one of line, got 'curve'" in told.err
    assert "goes on from" in told.err

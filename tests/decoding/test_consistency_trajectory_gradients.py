"""Gradients by enumeration and by torch, the price of a round, tabular and network policies."""

import copy

import numpy as np
import pytest
import torch

from paralg.decoding.consistency_trajectory import (
    advantages,
    all_paths,
    cosine,
    log_probabilities,
    mean_weights,
    one_step,
    parallel_distribution,
    rollout,
    sum_weights,
    trajectory_loss,
)
from paralg.decoding.consistency_trajectory.experiments import sudoku
from paralg.decoding.consistency_trajectory.experiments.runs import (
    RECIPES,
    RUNS,
    Tuning,
    forwards,
    start,
)
from paralg.decoding.consistency_trajectory.experiments.tabular import (
    divisible,
    palindrome,
    start_policy,
    tuned,
)
from paralg.decoding.consistency_trajectory.trajectory import Trajectory
from paralg.decoding.tables import TabularJoint, multi_information
from tests.near import assert_close

SIZES = [(1, 1, 1), (1, 2), (2, 1), (3,)]


def toy():
    k, i = np.arange(27)[:, None, None], np.arange(3)[:, None]
    return 1.5 * np.sin(1 + 7 * k + 3 * i + 5 * np.arange(2))


def toy_reward(paths):
    return np.cos(paths.final @ [1, 2, 4])


@pytest.mark.parametrize("sizes", SIZES)
def test_the_exact_gradient_is_that_of_finite_differences(sizes):
    theta, paths, h = toy(), all_paths(2, 3, sizes), 1e-5
    reward = toy_reward(paths)
    assert paths.probabilities(theta).sum() == pytest.approx(1)
    gradient = paths.gradient(theta, reward)
    rng = np.random.default_rng(0)
    for _ in range(3):
        way = rng.normal(size=theta.shape)
        slope = paths.expected(theta + h * way, reward) - paths.expected(theta - h * way, reward)
        assert slope / (2 * h) == pytest.approx((gradient * way).sum(), rel=1e-7)


@pytest.mark.parametrize("sizes,mean", [*zip(SIZES, (1, 0.9791, 0.9588, 1), strict=True)])
def test_along_random_positions_the_summed_surrogate_is_the_policy_gradient(sizes, mean):
    theta, paths = toy(), all_paths(2, 3, sizes)
    reward = toy_reward(paths)
    true = paths.gradient(theta, reward)
    assert np.abs(paths.gradient(theta, reward, "sum") - true).max() < 1e-15
    assert cosine(paths.gradient(theta, reward, "mean"), true) == pytest.approx(mean, abs=5e-5)


@pytest.mark.parametrize("sizes,plain,norm,of_one_step", [*zip(
    SIZES, (0.9129, 0.99995, 0.9824, 1), (0.2285, 0.3766, 0.2077, 0.2641),
    (0.1178, 0.1249, 0.6014, 1), strict=True)])  # fmt: skip
def test_under_confidence_order_it_is_biased(sizes, plain, norm, of_one_step):
    theta, paths = toy(), all_paths(2, 3, sizes, toy())
    reward = toy_reward(paths)
    assert paths.probabilities(theta).sum() == pytest.approx(1)
    true = paths.gradient(theta, reward)
    h, way = 1e-7, np.random.default_rng(0).normal(size=theta.shape)
    moved = [all_paths(2, 3, sizes, theta + sign * h * way) for sign in (1, -1)]
    values = [p.expected(theta + sign * h * way, toy_reward(p))
              for p, sign in zip(moved, (1, -1), strict=True)]  # fmt: skip
    assert (values[0] - values[1]) / (2 * h) == pytest.approx((true * way).sum(), rel=1e-5)
    found = paths.gradient(theta, reward, "sum", baseline=False)
    assert cosine(found, true) == pytest.approx(plain, abs=5e-5)
    assert np.linalg.norm(found) == pytest.approx(norm, abs=5e-5)
    free = all_paths(2, 3, sizes)
    once = free.gradient(theta, toy_reward(free), "one_step", baseline=False)
    along = free.gradient(theta, toy_reward(free))
    assert cosine(once, along) == pytest.approx(of_one_step, abs=5e-5)


def test_paths_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="sum to 3"):
        all_paths(2, 3, (1, 1))
    with pytest.raises(ValueError, match="how must be one of"):
        all_paths(2, 2, (2,)).gradient(np.zeros((9, 2, 2)), np.zeros(4), "half")


# ---- the price of a round


@pytest.mark.parametrize("rounds", [[[0], [1], [2], [3]], [[2], [0, 3], [1]], [[0, 1, 2, 3]],
                                    [[1, 2], [0, 3]]])  # fmt: skip
def test_the_divergence_is_the_sum_of_what_the_rounds_ignore(rounds):
    joint = TabularJoint.random(2, 4, seed=3, sharpness=1.5)
    q, p = parallel_distribution(joint, rounds), joint.weights
    known, total = [], 0.0
    for new in rounds:
        total += multi_information(joint, known, new)
        known += new
    assert float((p * np.log(p / q)).sum()) == pytest.approx(total, abs=1e-12)
    assert len(rounds) < 4 or total == pytest.approx(0, abs=1e-12)


# ---- the loss in torch


def small_case(sizes=(1, 2, 9), rows=6):
    network, rng = start(), np.random.default_rng(0)
    x = np.repeat(sudoku.puzzles(rows // 2, rng), 2, axis=0)
    return network, rollout(sudoku.from_network(network), x, sudoku.MASK, sizes, rng)


def test_likelihoods_at_stored_states_are_those_of_the_rollout():
    network, found = small_case()
    together = log_probabilities(network, found)
    apart = log_probabilities(network, found, batched=False)
    np.testing.assert_allclose(together.detach(), apart.detach(), atol=1e-5)
    for s, state in enumerate(found.states):
        logits = sudoku.from_network(network)(state)
        log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
        taken = np.take_along_axis(log_p, found.tokens[..., None], axis=-1)[..., 0]
        np.testing.assert_allclose(together[s].detach(), taken, atol=1e-5)


def test_at_the_first_inner_step_the_ratio_is_one():
    network, found = small_case()
    log_p = log_probabilities(network, found)
    gain = np.array([1.0, -1, 0.5, -0.5, 2, -2])
    loss, divergence = trajectory_loss(log_p, log_p.detach(), log_p.detach(), gain,
                                       sum_weights(found.revealed))  # fmt: skip
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert divergence.item() == 0
    loss.backward()
    grads = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    plain = -(torch.as_tensor(gain).float()[:, None] * torch.as_tensor(found.revealed)
              * log_probabilities(network, found)).sum() / 6  # fmt: skip
    plain.backward()
    for mine, other in zip(grads, (p.grad for p in network.parameters()), strict=True):
        assert_close(mine, other, rtol=1e-3, atol=1e-6)


class TablePolicy(torch.nn.Module):
    """A tabular policy that answers like a transformer."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.as_tensor(logits))

    def forward(self, tokens, positions):
        powers = torch.tensor([9, 3, 1])
        return self.logits[(tokens * powers).sum(dim=1)], None


@pytest.mark.parametrize("how,weights", [("sum", sum_weights), ("mean", mean_weights)])
def test_the_loss_over_all_paths_has_the_enumerated_gradient(how, weights):
    theta, paths = toy(), all_paths(2, 3, (1, 2))
    reward, p = toy_reward(paths), paths.probabilities(theta)
    round_of = np.zeros_like(paths.final)
    round_of[paths.path, paths.position] = paths.round
    rows = Trajectory(np.full_like(paths.final, 2), paths.final, round_of, V=2)
    policy = TablePolicy(theta)
    log_p = log_probabilities(policy, rows)
    old = log_p.detach()
    gain = len(p) * p * (reward - p @ reward)
    scale = 3 if how == "mean" else 1
    loss, _ = trajectory_loss(log_p, old, old, gain, scale * weights(rows.revealed))
    loss.backward()
    np.testing.assert_allclose(-policy.logits.grad, paths.gradient(theta, reward, how), atol=1e-12)


def test_clipping_and_divergence():
    new = torch.log(torch.tensor([[[2.0, 0.4, 2.0, 0.4]]])).requires_grad_()
    old = reference = torch.zeros(1, 1, 4)
    up, down = (trajectory_loss(new, old, reference, np.array([gain]), np.ones((1, 1, 4)),
                                beta=0)[0] for gain in (1.0, -1.0))  # fmt: skip
    assert up.item() == pytest.approx(-(1.5 + 0.4 + 1.5 + 0.4))
    assert down.item() == pytest.approx(2 + 0.5 + 2 + 0.5)
    (slope,) = torch.autograd.grad(up, new)
    assert slope[0, 0].tolist() == pytest.approx([0, -0.4, 0, -0.4])
    loss, divergence = trajectory_loss(new, old, reference, np.array([0.0]), np.ones((1, 1, 4)))
    d = -new.detach().double().numpy()
    assert divergence.item() == pytest.approx((np.exp(d) - d - 1).sum(), rel=1e-6)
    assert loss.item() == pytest.approx(0.04 * divergence.item(), rel=1e-6)


def test_advantages_and_weights():
    rng = np.random.default_rng(0)
    rewards = (rng.random((5, 6)) < 0.5).astype(float)
    rewards[2] = 1
    for standardise in (False, True):
        found = advantages(rewards, standardise=standardise)
        np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)
        assert (found[2] == 0).all()
        assert np.isfinite(found).all()
    _, found = small_case()
    mean, total = mean_weights(found.revealed), sum_weights(found.revealed)
    np.testing.assert_allclose(mean.sum(axis=(1, 2)), 1 / 3)
    assert total.sum() == pytest.approx(12)
    assert mean[0].max() / mean[2].max() == pytest.approx(9)
    once = one_step(found).revealed
    np.testing.assert_allclose(mean_weights(once).sum(), 1)


# ---- tuning


def test_exact_tuning_learns_along_the_trajectory_and_not_from_the_first_state():
    for good, first in ((divisible, 0.333), (palindrome, 0.318)):
        along, once = (tuned((1, 3), how, good) for how in ("sum", "one_step"))
        assert along["success"][0] == pytest.approx(first, abs=5e-4)
        assert along["success"][-1] > 0.99
        assert once["success"][-1] < first + 0.01
        assert along["answers"][-1] < 3 < along["answers"][0] / 10
    same = [tuned((4,), how, steps=40) for how in ("sum", "mean", "one_step")]
    assert same[0]["success"] == pytest.approx(same[1]["success"])
    assert same[0]["success"] == pytest.approx(same[2]["success"])


def test_without_the_sines_the_start_is_a_saddle():
    paths, policy = all_paths(3, 4, (1, 3)), start_policy(3, 4, divisible, shake=0)
    gradient = paths.gradient(policy, divisible(paths.final).astype(float))
    assert np.abs(gradient).max() < 1e-15


@pytest.mark.parametrize("name", ["cj-1-2-9", "one_step-1-2-9", "d1-1-2-9", "cj-1-2-9-random"])
def test_two_steps_of_every_objective(name):
    network = start()
    before = copy.deepcopy(network.state_dict())
    tuning, rng = Tuning(RECIPES[name]), np.random.default_rng(0)
    for step in range(2):
        loss, numbers = tuning(network, rng, step)
        assert np.isfinite(loss.item())
        assert 0 <= numbers["reward"] <= 1
    loss.backward()
    assert any((p.grad != 0).any() for p in network.parameters())
    assert all((before[key] == value).all() for key, value in network.state_dict().items())


def test_budgets_are_equal():
    along, once = (forwards(RECIPES[name]) for name in ("cj-1-2-9", "one_step-1-2-9"))
    assert along == once == forwards(RECIPES["d1-1-2-9"]) * 1.0


def test_shipped_networks_are_those_of_their_logs():
    for seed in range(3):
        log, network = RUNS.log("cj-1-2-9", seed), RUNS.load("cj-1-2-9", seed)
        assert log["updates"] >= 300
        assert log["steps"] == 2 * log["updates"]
        rng = np.random.default_rng(seed)
        x = np.repeat(sudoku.puzzles(50, rng), 6, axis=0)
        y = rollout(sudoku.from_network(network), x, sudoku.MASK, (1, 2, 9), rng).tokens
        assert abs(sudoku.valid(y).mean() - log["scores"]["valid"]) < 0.15


def test_solutions_and_spread():
    x = np.array([[0, 1, 2, 3, 2, 3, 0, 1, 1, 0, 3, 2, 3, 2, 1, 0]] * 2)
    assert sudoku.solutions(x).tolist() == [1, 1]
    assert sudoku.spread(x, 2) == 0
    assert sudoku.solutions(np.full((1, 16), 4)).tolist() == [288]
    assert sudoku.distinct(x, 2).tolist() == [1]
    assert sudoku.answers(x, 1) == 1

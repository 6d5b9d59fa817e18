"""Adaptive computation time: the rule and its oracle, freezing, and the compacted executor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.recurrences import universal_transformer as ut
from tests.recurrences.ut_cases import HALTING, core, lower, run_of, spread, states


def ran(x=None, keep=False, steps=None, generator=None, **change):
    model = core(HALTING, **change)
    return run_of(model, x, keep=keep, steps=steps, generator=generator)


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def advanced(p, epsilon=0.01, close=False):
    """State and weights of one position after the steps with probabilities p."""
    p = torch.tensor(p, dtype=torch.float64)
    now, weights = ut.start_halting(torch.ones((), dtype=torch.bool), p.dtype), []
    for step, x in enumerate(p, 1):
        now, w = ut.advance(now, x, epsilon, close and step == len(p))
        weights.append(w.item())
    return (now.steps.item(), now.remainder.item(), now.mass.item()), weights


def test_worked_cases():
    for p, steps, remainder in (
        ([], 0, 0.0),
        ([0.3, 0.4, 0.5], 3, 0.3),
        ([0.995], 1, 1.0),
        ([0.5, 0.495], 2, 0.5),  # .5 + .495 > .99
        ([0.5, 0.49], 2, 0.0),  # .99 is not above .99
        ([0.5, 0.49, 0.2], 3, 0.01),
        ([0.0, 0.0, 1.0], 3, 1.0),
        ([0.1, 0.1], 2, 0.0),
    ):
        halted, (found, weights) = ut.halt(p), advanced(p)
        assert halted[:2] == found[:2] == (steps, pytest.approx(remainder)), p
        assert sum(weights) == pytest.approx(found[2])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=9),
    st.booleans(),
    st.sampled_from([0.01, 0.2]),
)
def test_the_rule_is_the_oracle_and_its_weights_have_their_algebra(p, close, epsilon):
    halted, (found, weights) = ut.halt(p, epsilon=epsilon, close=close), advanced(p, epsilon, close)
    assert found == halted[:3]
    assert weights == [*halted.weights, *[0.0] * (len(p) - halted.steps)]
    weights = np.array(ut.halt(p, close=True).weights)
    blend = np.array(ut.coefficients(weights))
    assert weights.sum() == pytest.approx(1)
    assert blend.sum() == pytest.approx(1 - np.prod(1 - weights))
    assert (blend <= weights + 1e-15).all()
    entered = np.random.default_rng(len(p)).normal(size=(len(weights), 4))
    for rule, coefficients in (("blend", blend), ("accumulated", weights)):
        y = torch.zeros(4, dtype=torch.float64)
        for w, s in zip(weights, entered, strict=True):
            y = ut.mix(y, torch.tensor(s), torch.tensor(w), rule)
        np.testing.assert_allclose(y, coefficients @ entered, atol=1e-12)


def test_the_released_expression_is_graves_rule_up_to_a_constant():
    blend, graves, released = (
        [ran(output=rule, **change).output for change in ({"close": True}, {"norm": "pre"})]
        for rule in ("blend", "accumulated", "released")
    )
    assert spread(graves[0] - 1, released[0]) < 1e-12
    assert spread(graves[1], released[1]) < 1e-10
    assert spread(graves[0], blend[0]) > 1e-2


@pytest.mark.parametrize("output", ["blend", "accumulated"])
@pytest.mark.parametrize("close", [False, True])
def test_a_run_follows_the_oracle_position_by_position(output, close):
    run = ran(output=output, close=close, freeze=False, keep=True)
    p = torch.stack(run.logits).sigmoid()
    for b, i in np.ndindex(2, 5):
        halted = ut.halt(p[:, b, i].tolist(), close=close and run.rounds == 8)
        assert run.steps[b, i] == halted.steps
        assert run.remainder[b, i].item() == pytest.approx(halted.remainder, abs=1e-12)
        shares = ut.coefficients(halted.weights) if output == "blend" else halted.weights
        by_hand = sum(c * run.states[t][b, i] for t, c in enumerate(shares))
        assert spread(run.output[b, i], by_hand) < 1e-12


def test_all_positions_may_halt_at_once_or_take_no_step():
    run = ran(halting_bias=30.0, keep=True)
    assert (run.rounds, run.active.span, run.active.work) == (1, 1, 10)
    assert (run.remainder == 1).all()
    assert torch.equal(run.output, run.states[0])
    for run in (ran(steps=0), ut.run_compacted(core(HALTING), states(), steps=0)):
        assert run.weights.shape == (0, 2, 5)
        assert run.output.abs().max() == 0


def test_mass_that_no_state_receives():
    """It has no gradient either; the last step receives it if that closes."""
    opened, closed = (core(HALTING, halting_bias=-5.0, close=close) for close in (False, True))
    run = opened(states())
    assert run.mass.max() < 0.5
    assert (run.remainder.max(), run.steps.min()) == (0, 8)
    assert torch.autograd.grad(run.ponder, opened.halting.linear.bias)[0] == 0
    run = closed(states())
    assert (run.mass == 1).all()
    assert torch.allclose(run.weights.sum(dim=0), torch.ones(2, 5, dtype=torch.float64))
    assert run.remainder.min() > 0.5
    assert torch.autograd.grad(run.ponder, closed.halting.linear.bias)[0] < 0  # raising p lowers R
    for output in ("blend", "accumulated"):
        model = core(HALTING, output=output)
        loss = model(states()).output.square().sum()
        assert torch.autograd.grad(loss, model.halting.linear.weight)[0].abs().sum() > 0


def test_halted_is_not_frozen_in_the_released_code():
    """Others go on attending to a state that moves, so their own result differs."""
    one, other = (ran(freeze=freeze, keep=True) for freeze in (True, False))
    early = tuple((one.steps == one.steps.min()).nonzero()[0])
    t = int(one.steps[early])
    last, moved = ([run.states[k][early] for run in (one, other)] for k in (t - 1, -1))
    assert torch.equal(last[0], last[1])
    assert torch.equal(moved[0], last[0])
    assert not torch.equal(moved[1], last[1])
    assert spread(one.output, other.output) > 1e-3


def test_other_halting_rules():
    run = ran(halting="global")
    assert (run.steps == run.steps[:, :1]).all()
    one, again, other = (ran(halting="random", generator=drawn(s)).steps for s in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    bare = {"position": "none", "step_signal": "none"}
    run = ran(halting="settled", tau=0.5, steps=40, keep=True, **bare)
    assert run.steps.min() < run.steps.max() < 40
    path = torch.stack([states(), *run.states])
    changes = (path[1:] - path[:-1]).square().mean(dim=-1).sqrt()
    for b, i in np.ndindex(2, 5):
        n = int(run.steps[b, i])
        *before, last, _ = changes[:n, b, i].tolist()
        assert last < 0.5 <= min(before, default=1.0)
        assert torch.equal(run.output[b, i], path[n, b, i])


@pytest.mark.parametrize("halting", ["position", "global", "random", "settled"])
@pytest.mark.parametrize("norm, inside", [("pre", 1), ("post", 2)])
@pytest.mark.parametrize("masked", ["none", "padding", "graph", "decoder"])
def test_compaction_equals_masking_under_freezing(halting, norm, inside, masked):
    model = core(HALTING, halting=halting, norm=norm, layers_inside=inside, tau=0.5, after=1,
                 cross=masked == "decoder" and halting != "global")  # fmt: skip
    options = {"position_ids": torch.tensor([0, 1, 2, 0, 1]), "offset": 4}
    if masked in ("padding", "graph"):
        options["padding_mask"] = torch.tensor([[1, 1, 0, 1, 1], [1, 0, 1, 1, 0]]) > 0
    if masked == "graph":
        adjacency = np.random.default_rng(3).random((2, 5, 5)) < 0.3
        options["attention_mask"] = torch.from_numpy(adjacency | np.eye(5, dtype=bool))
    if model.crosses:
        options |= {"context": states(seed=5), "attention_mask": lower(5),
                    "context_mask": torch.arange(5).expand(2, 5) < 4}  # fmt: skip
    dense = run_of(model, generator=drawn(1), **options)
    few = ut.run_compacted(model, states(), generator=drawn(1), **options)
    mask = dense.padding_mask
    assert spread(dense.output[mask], few.output[mask]) < 1e-12
    for name in ("steps", "remainder", "mass", "weights"):
        one, other = getattr(dense, name), getattr(few, name)
        assert torch.allclose(one * mask, other * mask, atol=1e-12), name
    assert few.rounds == dense.rounds == few.active.span
    assert few.queries == inside * few.active.work <= dense.queries
    assert few.keys <= few.queries + inside * int(mask.sum())


def test_compaction_says_what_it_needs():
    for change, words in (
        ({"freeze": False}, "freeze=True, got False"),
        ({"recurrence": "highway"}, "recurrence='basic', got 'highway'"),
        ({"transition": "sepconv"}, "transition='fc', got 'sepconv'"),
        ({"halting": None}, "needs a halting rule"),
    ):
        with pytest.raises(ValueError, match=words):
            ut.run_compacted(core(HALTING, **change), states())
    with pytest.raises(TypeError, match="unexpected keyword argument 'keep'"):
        ut.run_compacted(core(HALTING), states(), keep=True)

"""Adaptive computation time: the ledger, its oracle, freezing, and the compacted executor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.recurrences import universal_transformer as ut

HALTING = ut.UTConfig(
    d_model=16, heads=2, d_ff=24, steps=8, halting="position", halting_bias=-1.0, freeze=True
)


def states(b=3, n=7, seed=0):
    return torch.randn(b, n, 16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def core(config=HALTING, seed=0, **kind):
    torch.manual_seed(seed)
    return ut.Recurrence(config, **kind).double().eval()


def run_ledger(p, epsilon=0.01, close=False):
    p = torch.tensor(p, dtype=torch.float64)
    ledger, weights = ut.start_halting(torch.ones(p.shape[1:], dtype=torch.bool), p.dtype), []
    for step, row in enumerate(p):
        ledger, w = ut.advance(ledger, row, epsilon, close and step == len(p) - 1)
        weights.append(w)
    return ledger, torch.stack(weights) if weights else p


CASES = [
    # p, N, R
    ([0.3, 0.4, 0.5], 3, 0.3),
    ([0.995], 1, 1.0),
    ([0.5, 0.495], 2, 0.5),  # .5 + .495 > .99
    ([0.5, 0.49], 2, 0.0),  # .99 is not above .99
    ([0.5, 0.49, 0.2], 3, 0.01),
    ([0.0, 0.0, 1.0], 3, 1.0),
    ([0.1, 0.1], 2, 0.0),
]


@pytest.mark.parametrize("p, steps, remainder", CASES)
def test_worked_cases(p, steps, remainder):
    halted = ut.halt(p)
    assert (halted.steps, halted.remainder) == (steps, pytest.approx(remainder))
    ledger, weights = run_ledger([[x] for x in p])
    assert ledger.steps.item() == steps
    assert ledger.remainder.item() == pytest.approx(remainder)
    assert weights.sum().item() == pytest.approx(ledger.mass.item())


probabilities = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=9)


@settings(max_examples=200, deadline=None)
@given(probabilities, st.booleans(), st.sampled_from([0.01, 0.2]))
def test_the_ledger_is_the_oracle(p, close, epsilon):
    halted = ut.halt(p, epsilon=epsilon, close=close)
    ledger, weights = run_ledger([[x] for x in p], epsilon, close)
    found = [float(w) for w in weights[: halted.steps, 0]]
    assert ledger.steps.item() == halted.steps
    assert ledger.remainder.item() == halted.remainder
    assert ledger.mass.item() == halted.mass
    assert found == list(halted.weights)
    assert not weights[halted.steps :].any()


@settings(max_examples=100, deadline=None)
@given(probabilities)
def test_algebra_of_the_weights(p):
    halted = ut.halt(p, close=True)
    weights = np.array(halted.weights)
    assert 0 < halted.mass <= 1
    assert weights.sum() == pytest.approx(1)
    blend = np.array(ut.coefficients(weights))
    assert blend.sum() == pytest.approx(1 - np.prod(1 - weights))
    assert (blend <= weights + 1e-15).all()
    states_ = np.random.default_rng(len(p)).normal(size=(len(weights), 4))
    for rule, coefficients in (("blend", blend), ("accumulated", weights)):
        y = torch.zeros(4, dtype=torch.float64)
        for w, s in zip(weights, states_, strict=True):
            y = ut.mix(y, torch.tensor(s), torch.tensor(w, dtype=torch.float64), rule)
        np.testing.assert_allclose(y, coefficients @ states_, atol=1e-12)


def test_the_released_expression_is_graves_rule_up_to_a_constant():
    x = states()
    closed = replace(HALTING, close=True)
    one, other = (
        core(replace(closed, output=rule))(x).output.detach()
        for rule in ("accumulated", "released")
    )
    assert float((one - 1 - other).abs().max()) < 1e-12
    normed = [torch.nn.functional.layer_norm(y, (16,)) for y in (one, other)]
    assert float((normed[0] - normed[1]).abs().max()) < 1e-12
    rules = ("accumulated", "released")
    with_norm = [
        core(replace(HALTING, output=rule, norm="pre"))(x).output.detach() for rule in rules
    ]
    assert float((with_norm[0] - with_norm[1]).abs().max()) < 1e-10
    assert float((one - core(closed)(x).output.detach()).abs().max()) > 1e-2


def test_coefficients_refuse_other_rules():
    with pytest.raises(ValueError, match="'blend' or 'accumulated', got 'sum'"):
        ut.coefficients([1.0], "sum")


# ---- runs ----


@pytest.mark.parametrize("output", ["blend", "accumulated"])
@pytest.mark.parametrize("close", [False, True])
def test_a_run_follows_the_oracle_position_by_position(output, close):
    model, x = core(replace(HALTING, output=output, close=close, freeze=False)), states()
    with torch.no_grad():
        run = model(x, keep=True)
    p = torch.stack(run.logits).sigmoid()
    for b, i in np.ndindex(3, 7):
        halted = ut.halt(p[:, b, i].tolist(), close=close and run.rounds == 8)
        assert run.steps[b, i] == halted.steps
        assert run.remainder[b, i].item() == pytest.approx(halted.remainder, abs=1e-12)
        by_hand = sum(
            c * run.states[t][b, i] for t, c in enumerate(ut.coefficients(halted.weights, output))
        )
        assert float((run.output[b, i] - by_hand).abs().max()) < 1e-12


def test_everybody_may_halt_at_once():
    model = core(replace(HALTING, halting_bias=30.0))
    run = model(states())
    assert run.rounds == 1
    assert (run.steps == 1).all()
    assert (run.remainder == 1).all()
    assert torch.equal(run.output, model(states(), keep=True).states[0])


def test_leftover_mass_without_close():
    run = core(replace(HALTING, halting_bias=-5.0))(states())
    assert (run.mass < 0.5).all()
    assert (run.remainder == 0).all()
    assert (run.steps == 8).all()
    closed = core(replace(HALTING, halting_bias=-5.0, close=True))(states())
    assert (closed.mass == 1).all()
    assert torch.allclose(closed.weights.sum(dim=0), torch.ones(3, 7, dtype=torch.float64))
    assert closed.remainder.min() > 0.5


def test_no_permitted_step():
    run = core()(states(), steps=0)
    assert run.output.abs().max() == 0
    assert run.weights.shape == (0, 3, 7)
    compacted = ut.run_compacted(core(), states(), steps=0)
    assert compacted.weights.shape == (0, 3, 7)
    assert torch.equal(compacted.output, run.output)


def test_halted_is_not_frozen_in_the_released_code():
    """Others go on attending to a state that moves, so their own result differs."""
    x = states()
    frozen, moving = core(HALTING), core(replace(HALTING, freeze=False))
    one, other = frozen(x, keep=True), moving(x, keep=True)
    early = (one.steps == one.steps.min()).nonzero()[0]
    t = int(one.steps[tuple(early)])
    last = [run.states[t - 1][tuple(early)] for run in (one, other)]
    after = [run.states[min(t + 1, run.rounds - 1)][tuple(early)] for run in (one, other)]
    assert torch.equal(last[0], last[1])
    assert torch.equal(after[0], last[0])
    assert not torch.equal(after[1], last[1])
    assert float((one.output - other.output).detach().abs().max()) > 1e-3


def test_halting_parameters_have_gradients():
    for output in ("blend", "accumulated"):
        model = core(replace(HALTING, output=output))
        (model(states()).output.square().sum()).backward()
        assert model.halting.linear.weight.grad.abs().sum() > 0
    model = core()
    model(states()).ponder.backward()
    assert model.halting.linear.weight.grad.abs().sum() > 0


def test_the_ponder_cost_of_a_position_that_never_halts_has_no_gradient():
    for close in (False, True):
        model = core(replace(HALTING, halting_bias=-5.0, close=close))
        ponder = model(states()).ponder
        if close:
            ponder.backward()
            assert model.halting.linear.bias.grad < 0  # raising p lowers R
        else:
            slope = torch.autograd.grad(ponder, model.halting.linear.bias)[0]
            assert slope == 0


def test_global_halting_stops_a_sequence_at_once():
    run = core(replace(HALTING, halting="global"))(states())
    assert (run.steps == run.steps[:, :1]).all()


def test_random_halting_is_a_function_of_the_generator():
    model = core(replace(HALTING, halting="random"))
    runs = [model(states(), generator=torch.Generator().manual_seed(s)).steps for s in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_settled_halting_stops_where_states_stop_changing():
    bare = {"position": "none", "step_signal": "none"}
    model = core(replace(HALTING, halting="settled", tau=0.5, steps=40, **bare))
    with torch.no_grad():
        run = model(states(), keep=True)
    assert run.steps.min() < run.steps.max() < 40
    for b, i in np.ndindex(3, 7):
        path = [state[b, i] for state in (states(), *run.states)][: int(run.steps[b, i]) + 1]
        pairs = zip(path[:-1], path[1:], strict=True)
        change = [float((new - old).square().mean().sqrt()) for old, new in pairs]
        assert change[-2] < 0.5 <= min(change[:-2], default=1.0)
        assert torch.equal(run.output[b, i], path[-1])


# ---- compaction ----


@pytest.mark.parametrize("halting", ["position", "global", "random", "settled"])
@pytest.mark.parametrize("norm, inside", [("pre", 1), ("post", 1), ("post", 2)])
@pytest.mark.parametrize("masked", ["none", "padding", "graph"])
def test_compaction_equals_masking_under_freezing(halting, norm, inside, masked):
    config = replace(HALTING, halting=halting, norm=norm, layers_inside=inside, tau=0.5, after=1)
    model, x = core(config), states()
    rng = np.random.default_rng(3)
    options = {}
    if masked != "none":
        kept = torch.from_numpy(rng.random((3, 7)) < 0.7)
        options["padding_mask"] = kept | (torch.arange(7) == 0)
    if masked == "graph":
        adjacency = rng.random((3, 7, 7)) < 0.3
        options["attention_mask"] = torch.from_numpy(adjacency | np.eye(7, dtype=bool))
    with torch.no_grad():
        dense = model(x, generator=torch.Generator().manual_seed(1), **options)
    few = ut.run_compacted(model, x, generator=torch.Generator().manual_seed(1), **options)
    padding_mask = dense.padding_mask
    assert float((dense.output - few.output)[padding_mask].abs().max()) < 1e-12
    for name in ("steps", "remainder", "mass", "weights"):
        one, other = getattr(dense, name), getattr(few, name)
        assert torch.allclose(one * padding_mask, other * padding_mask, atol=1e-12), name
    assert few.rounds == dense.rounds == few.active.span
    assert few.queries == inside * few.active.work <= dense.queries
    assert few.keys <= few.queries + inside * int(padding_mask.sum())


def test_compaction_of_a_decoder():
    model = core(replace(HALTING, halting_bias=0.0), cross=True, causal=True)
    options = {"context": states(seed=5), "context_mask": torch.arange(7).repeat(3, 1) < 5,
               "attention_mask": ut.causal_mask(7)[None]}  # fmt: skip
    with torch.no_grad():
        dense = model(states(), **options)
    few = ut.run_compacted(model, states(), **options)
    assert float((dense.output - few.output).abs().max()) < 1e-12
    assert few.queries < dense.queries


def test_compaction_with_other_positions():
    model, x = core(), states()
    options = {"position_ids": torch.tensor([0, 1, 2, 0, 1, 2, 3]), "offset": 4}
    with torch.no_grad():
        dense = model(x, **options)
    assert float((dense.output - ut.run_compacted(model, x, **options).output).abs().max()) < 1e-12
    assert float((dense.output - ut.run_compacted(model, x).output).abs().max()) > 1e-3


def test_without_freezing_the_two_would_differ():
    x = states()
    frozen = ut.run_compacted(core(), x).output
    moving = core(replace(HALTING, freeze=False))(x).output.detach()
    assert float((frozen - moving).abs().max()) > 1e-3


@pytest.mark.parametrize(
    "change, words",
    [
        ({"freeze": False}, "freeze=True, got False"),
        ({"recurrence": "highway"}, "recurrence='basic', got 'highway'"),
        ({"transition": "sepconv"}, "transition='fc', got 'sepconv'"),
        ({"halting": None}, "needs a halting rule"),
    ],
)
def test_compaction_says_what_it_needs(change, words):
    with pytest.raises(ValueError, match=words):
        ut.run_compacted(core(replace(HALTING, **change)), states())
    with pytest.raises(ValueError, match=r"options must be among .*, got \['keep'\]"):
        ut.run_compacted(core(), states(), keep=True)

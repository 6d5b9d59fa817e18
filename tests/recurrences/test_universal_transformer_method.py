"""Block, signals, variants and halting: against torch's own layers, oracles and each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer.experiments.evaluate import attention_weights
from paralg.recurrences.universal_transformer.variants import SeparableConvolution, VariedSignal
from tests.recurrences import ut_cases as cases
from tests.recurrences.ut_cases import BARE, PLACED, core, lower, ran, run_of, spread, states


def test_signals_depend_on_what_they_should():
    torch.manual_seed(0)
    for switches in cases.ALL_SIGNALS:
        signal, x = VariedSignal(replace(BARE, **switches)), torch.full((1, 4, 16), 0.1)
        first, second = (signal(x, torch.arange(4), step) for step in (1, 2))
        assert first.shape == x.shape
        assert torch.equal(first, second) == (switches["step_signal"] == "none"), switches
        assert torch.equal(first[:, 0], first[:, 1]) == (switches["position"] == "none"), switches
    assert core(step_signal="learned", extend=True)(states(), steps=9).rounds == 9
    signal = VariedSignal(replace(BARE, position_start="step", steps=4))
    assert [signal.first_position(8, step) for step in (1, 2, 3, 4)] == [0, 2, 4, 6]
    signal, generator = VariedSignal(replace(BARE, position_start="random")), torch.Generator()
    assert {signal.first_position(4, 1, generator) for _ in range(60)} == {0, 1, 2, 3}
    assert signal.eval().first_position(4, 1, generator) == 0
    plain, ids = ut.CoordinateSignal(16)(torch.zeros(4, 16), torch.arange(4), 3), torch.arange(4)
    assert torch.allclose(plain, ut.sinusoidal(ids, 16) + ut.sinusoidal(3.0, 16))


@pytest.mark.parametrize("kind", [ut.Recurrence, ut.PlainStack])
def test_positions_may_be_moved_or_numbered_otherwise(kind):
    model, x = core(PLACED, kind=kind), states(1, 4)
    wide = torch.cat([states(1, 2, seed=1), x], dim=1)
    hidden = (torch.arange(6) >= 2).expand(1, 6, 6)
    inside = model(wide, attention_mask=hidden).output[:, 2:]
    assert spread(inside, model(x, offset=2).output) < 1e-12
    assert spread(inside, model(x, position_ids=torch.arange(4) + 2).output) < 1e-12
    assert spread(inside, model(x).output) > 1e-3
    x[:, 2:] = x[:, :2]  # places of equal index differ by their content alone
    twice = model(x, position_ids=torch.tensor([0, 1, 0, 1])).output
    assert spread(twice[:, :2], twice[:, 2:]) < 1e-12
    assert spread(model(x).output[:, :2], model(x).output[:, 2:]) > 1e-3


def test_attention_weights_are_those_that_mix():
    torch.manual_seed(0)
    part, x, mask = ut.MultiHeadAttention(16, 2).double(), states(), lower(5)
    keys, values = part.keys_values(x)
    weights = attention_weights(part, x, keys, mask)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 2, 5, dtype=torch.float64))
    assert not weights[..., ~mask[0]].any()
    by_hand = part.o((weights @ part.split(values)).transpose(1, 2).flatten(2))
    assert spread(by_hand, part(x, keys, values, mask)) < 1e-12


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("steps, placed, read", [(0, 0, 5), (1, 0, 3), (5, 0, 5), (3, 1, 5)])
def test_tied_layers_of_torch_are_the_recurrence(norm, steps, placed, read):
    signals = {"position": "sinusoid", "signal_at": "first"} if placed else {}
    model, x = core(norm=norm, **signals), states()
    layer, mask = cases.twin(model), torch.arange(5).expand(2, 5) < read
    x = x + ut.sinusoidal(torch.arange(5.0).double(), 16) if placed else x
    for _ in range(steps):
        x = layer(x, src_key_padding_mask=~mask)
    run = run_of(model, steps=steps, padding_mask=mask)
    assert spread(model.last_norm(x)[mask], run.output[mask]) < 1e-12
    assert (run.rounds, run.queries, run.steps.max()) == (steps, 10 * steps, steps)
    if placed:
        assert spread(core(PLACED, norm=norm)(states()).output, x) > 1e-3


@pytest.mark.parametrize("every, norm", [(False, "post"), (True, "pre")])
def test_a_plain_stack_is_a_stack_and_layers_may_be_mixed_in(every, norm):
    model, by_hand = core(PLACED, kind=ut.PlainStack, every=every, norm=norm), states()
    for number, layer in enumerate(model.before):
        signal = ut.sinusoidal(torch.arange(5.0).double(), 16) if every or number == 0 else 0.0
        by_hand = layer(by_hand + signal)
    run, state = run_of(model), model.state_dict()
    assert spread(run.output, model.last_norm(by_hand)) < 1e-12
    assert (run.rounds, run.queries) == (3, 30)
    assert len({part.data_ptr() for part in state.values()}) == len(state)  # nothing saved twice
    model = core(layers_inside=2, before=1, after=1)
    by_hand = model.before[0](states())
    for layer in [*model.layers] * 3:
        by_hand = layer(by_hand)
    run = run_of(model)
    assert spread(run.output, model.after[0](by_hand)) < 1e-12
    assert run.cost.work == 2 * 3 * 10


def test_separable_convolution_by_hand():
    torch.manual_seed(0)
    part = SeparableConvolution(replace(BARE, d_model=2, heads=1, d_ff=3)).double()
    x, mask = states(1, 4, 2), torch.tensor([[True, True, True, False]])
    by_hand = cases.convolve(part, cases.convolve(part, x, mask, 0, 3).relu(), mask, 1, 5)
    assert spread(part(x, mask), by_hand) < 1e-12


@pytest.mark.parametrize("halting", [None, "position", "global"])
def test_permutation_equivariance_without_position_signal(halting):
    model = core(halting=halting, step_signal="sinusoid", steps=5)
    x, order = states(), torch.tensor([3, 0, 4, 1, 2])
    one, other = model(x), model(x[:, order])
    assert spread(one.output[:, order], other.output) < 1e-12
    assert torch.equal(one.steps[:, order], other.steps)
    assert spread(core(PLACED)(x).output[:, order], core(PLACED)(x[:, order]).output) > 1e-3


@pytest.mark.parametrize("transition", ["fc", "sepconv"])
@pytest.mark.parametrize("halting", [None, "position"])
def test_padding_changes_nothing(transition, halting):
    model, x = core(PLACED, transition=transition, halting=halting, steps=6), states(1, 4)
    wide = torch.cat([x, 9 * states(1, 3, seed=1)], dim=1)
    padded, short = model(wide, padding_mask=torch.arange(7)[None] < 4), model(x)
    assert spread(padded.output[:, :4], short.output) < 1e-12
    assert padded.ponder == short.ponder
    assert padded.steps[0, 4:].sum() == 0
    nothing, moved = torch.zeros(1, 4, 4).bool(), torch.cat([x[:, :1], x[:, 1:] + 1], dim=1)
    alone, other = (model(y, attention_mask=nothing).output for y in (x, moved))
    assert alone.isfinite().all()
    assert torch.equal(alone[:, 0], other[:, 0]) or transition == "sepconv"


@pytest.mark.parametrize("transition", ["fc", "sepconv"])
@pytest.mark.parametrize("halting, norm", [(None, "pre"), ("position", "post")])
def test_the_decoder_is_causal_and_reads_no_padding(transition, halting, norm):
    model = core(PLACED, transition=transition, halting=halting, norm=norm, cross=True)
    x, context = states(), states(2, 3, seed=2)
    changed, poor = torch.cat([x[:, :3], states(seed=9)[:, 3:]], dim=1), context.clone()
    poor[:, 2] += 5.0
    options = {"context_mask": torch.tensor([[True, True, False]] * 2), "attention_mask": lower(5)}
    inputs = (x, context), (changed, context), (x, poor)
    one, later, other = (run_of(model, x, context=c, **options).output for x, c in inputs)
    assert spread(one[:, :3], later[:, :3]) < 1e-12
    assert spread(one[:, 3:], later[:, 3:]) > 1e-3
    assert spread(one, other) == 0


def test_the_sequence_model_writes_what_it_predicts_and_ignores_later_targets():
    model = ut.Seq2Seq(9, replace(PLACED, halting="position")).double().eval()
    source = torch.tensor([[3, 4, 2, 0], [5, 2, 0, 0]])
    target = torch.tensor([[4, 3, 2], [5, 2, 0]])
    first, later = model(source, target).logits, model(source, target.where(target == 4, 7)).logits
    assert first.shape == (2, 3, 9)
    assert spread(first[:1, :2], later[:1, :2]) < 1e-12
    run = model.transduce(source, 4)
    assert (run.tokens.shape, run.calls) == ((2, 4), 4)
    assert torch.equal(model(source, run.tokens).logits.argmax(-1), run.tokens)
    model, found = ut.Seq2Seq(9, PLACED).eval(), []  # one shift for encoder and decoder
    for stack in (model.encoder, model.decoder):
        stack.signal.register_forward_hook(lambda part, given, out: found.append(given[1].tolist()))
    model(source[:1, :3], target[:1, 1:], position_ids=torch.tensor([0, 1, 0]), offset=9)
    assert found == [[9, 10, 9]] * 3 + [[9, 10]] * 3


@pytest.mark.parametrize("recurrence", ["basic", "highway", "skip", "depth", "gru", "lstm"])
def test_every_recurrence_runs_and_has_gradients(recurrence):
    cell = recurrence in ("gru", "lstm")
    for halting, freeze in ((None, False), ("position", False), ("position", True)):
        model = core(recurrence=recurrence, halting=halting, freeze=freeze, gates="sti")
        model(states()).output.square().sum().backward()
        unused = {name for name, part in model.named_parameters() if part.grad is None}
        assert all(cell and ("transition" in name or "norms.1" in name) for name in unused)


@pytest.mark.parametrize("recurrence", ["highway", "skip"])
def test_shut_gates_carry_open_gates_are_basic_and_depth_averages(recurrence):
    basic, model = core(), core(recurrence=recurrence)
    model.load_state_dict(basic.state_dict(), strict=False)
    for bias, wanted in ((-40.0, states()), (40.0, basic(states()).output)):
        torch.nn.init.constant_(model.update.gate.bias, bias)
        assert spread(model(states()).output, wanted) < 1e-9
    model, x = core(recurrence="depth"), states()  # scores that are all alike: the mean
    torch.nn.init.zeros_(model.update.score.weight)
    mean = (x + model.layers[0](x)) / 2
    assert spread(model(x, steps=2).output, model.layers[0](mean)) < 1e-12


def test_wrong_configurations_arguments_and_tasks_are_named():
    for words, call in cases.WRONG.items():
        with pytest.raises(TypeError if "unexpected" in words else ValueError, match=words):
            call()


def test_worked_cases():
    for p, steps, remainder in cases.WORKED:
        halted, (found, weights) = ut.halt(p), cases.advanced(p)
        assert halted[:2] == found[:2] == (steps, pytest.approx(remainder)), p
        assert sum(weights) == pytest.approx(found[2])


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=9),
    st.booleans(),
    st.sampled_from([0.01, 0.2]),
)
def test_the_rule_is_the_oracle_and_its_weights_have_their_algebra(p, close, epsilon):
    halted = ut.halt(p, epsilon=epsilon, close=close)
    found, weights = cases.advanced(p, epsilon, close)
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
    rules = ("blend", "accumulated", "released")
    blend, graves, released = (ran(output=rule, close=True).output for rule in rules)
    assert spread(graves - 1, released) < 1e-12
    assert spread(graves, blend) > 1e-2
    _, graves, released = (ran(output=rule, norm="pre").output for rule in rules)
    assert spread(graves, released) < 1e-10


@pytest.mark.parametrize("output, close", [("blend", False), ("accumulated", True)])
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


def test_mass_that_one_state_receives_or_none():
    """Mass of no state has no gradient either; the last step receives it if that closes."""
    run = ran(halting_bias=30.0, keep=True)
    assert (run.rounds, run.active.work, run.remainder.min()) == (1, 10, 1)
    assert torch.equal(run.output, run.states[0])
    for run in (ran(steps=0), ut.run_compacted(core(cases.HALTING), states(), steps=0)):
        assert run.weights.shape == (0, 2, 5)
        assert run.output.abs().max() == 0
    opened, closed = (core(cases.HALTING, halting_bias=-5.0, close=c) for c in (False, True))
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
        model = core(cases.HALTING, output=output)
        loss = model(states()).output.square().sum()
        assert torch.autograd.grad(loss, model.halting.linear.weight)[0].abs().sum() > 0


def test_halted_is_not_frozen_in_the_released_code():
    """Others go on attending to a state that moves, so their own result differs."""
    one, other = (ran(freeze=freeze, keep=True) for freeze in (True, False))
    early = tuple((one.steps == one.steps.min()).nonzero()[0])
    t = int(one.steps[early])
    last, moved = ([run.states[k][early] for run in (one, other)] for k in (t - 1, -1))
    assert torch.equal(last[0], last[1])
    assert torch.equal(moved[0], last[0]) > torch.equal(moved[1], last[1])
    assert spread(one.output, other.output) > 1e-3


def test_other_halting_rules():
    run = ran(halting="global")
    assert (run.steps == run.steps[:, :1]).all()
    one, again, other = (ran(halting="random", generator=cases.drawn(s)).steps for s in (1, 1, 2))
    assert torch.equal(one, again) > torch.equal(one, other)
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
@pytest.mark.parametrize("masked, norm, inside", [
    ("none", "pre", 1), ("padding", "post", 2), ("graph", "pre", 2), ("decoder", "post", 1),
])  # fmt: skip
def test_compaction_equals_masking_under_freezing(halting, norm, inside, masked):
    masked = "graph" if (halting, masked) == ("global", "decoder") else masked
    model = core(cases.HALTING, halting=halting, norm=norm, layers_inside=inside, tau=0.5, after=1,
                 cross=masked == "decoder")  # fmt: skip
    options = cases.surroundings(masked)
    dense = run_of(model, generator=cases.drawn(1), **options)
    few = ut.run_compacted(model, states(), generator=cases.drawn(1), **options)
    mask = dense.padding_mask
    assert spread(dense.output[mask], few.output[mask]) < 1e-12
    for name in ("steps", "remainder", "mass", "weights"):
        one, other = getattr(dense, name), getattr(few, name)
        assert torch.allclose(one * mask, other * mask, atol=1e-12), name
    assert few.rounds == dense.rounds == few.active.span
    assert few.queries == inside * few.active.work <= dense.queries
    assert few.keys <= few.queries + inside * int(mask.sum())

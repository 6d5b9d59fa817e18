"""The block, its signals and variants, against torch's own layers and against each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer.experiments.models import causal_mask

BARE = ut.UTConfig(d_model=16, heads=2, d_ff=24, steps=3, position="none", step_signal="none")


def states(b=2, n=5, d=16, seed=0):
    return torch.randn(b, n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def core(config=BARE, seed=0, **kind):
    torch.manual_seed(seed)
    return ut.Recurrence(config, **kind).double().eval()


def spread(*values):
    return max(float((values[0] - other).detach().abs().max()) for other in values[1:])


# ---- signals ----


def test_sinusoids_are_the_papers():
    signal = ut.sinusoidal(torch.arange(5), 6)
    for i in range(5):
        for j in range(3):
            angle = i / 10_000 ** (2 * j / 6)
            pair = signal[i, 2 * j : 2 * j + 2]
            np.testing.assert_allclose(pair, [np.sin(angle), np.cos(angle)], atol=1e-6)
    split = ut.sinusoidal(torch.arange(5), 6, layout="split")
    rates = 10_000.0 ** (-torch.arange(3) / 2)
    angles = torch.arange(5)[:, None] * rates
    assert torch.allclose(split, torch.cat([angles.sin(), angles.cos()], dim=1), atol=1e-6)


@pytest.mark.parametrize("combine", ["add", "concat"])
@pytest.mark.parametrize("step_signal", ["sinusoid", "learned", "none"])
@pytest.mark.parametrize("position", ["sinusoid", "none"])
def test_signals_depend_on_what_they_should(combine, step_signal, position):
    config = replace(BARE, combine=combine, step_signal=step_signal, position=position)
    torch.manual_seed(0)
    signal = ut.VariedSignal(config)
    x = torch.zeros(1, 4, 16) + 0.1
    first, second = (signal(x, torch.arange(4), step) for step in (1, 2))
    assert first.shape == x.shape
    assert torch.equal(first, second) == (step_signal == "none")
    assert torch.equal(first[:, 0], first[:, 1]) == (position == "none")


def test_a_short_step_table_is_an_error_or_extended():
    config = replace(BARE, step_signal="learned")
    with pytest.raises(ValueError, match="3 rows, got step 4"):
        core(config)(states(), steps=4)
    assert core(replace(config, extend=True))(states(), steps=9).rounds == 9
    assert core(replace(config, step_signal="sinusoid"))(states(), steps=9).rounds == 9


def test_first_positions():
    signal = ut.VariedSignal(replace(BARE, position_start="step", steps=4))
    assert [signal.first_position(8, step, None) for step in (1, 2, 3, 4)] == [0, 2, 4, 6]
    drawn = ut.VariedSignal(replace(BARE, position_start="random"))
    generator = torch.Generator().manual_seed(0)
    assert {drawn.first_position(4, 1, generator) for _ in range(60)} == {0, 1, 2, 3}
    assert drawn.eval().first_position(4, 1, generator) == 0


def test_an_offset_moves_the_positions():
    config = replace(BARE, position="sinusoid")
    model, x = core(config), states(1, 3)
    wide = torch.cat([states(1, 2, seed=1), x], dim=1)
    alone = torch.ones(1, 3, 3, dtype=torch.bool)
    hidden = torch.cat([torch.zeros(5, 2, dtype=torch.bool), torch.ones(5, 3, dtype=torch.bool)], 1)
    inside = model(wide, attention_mask=hidden[None]).output[:, 2:]
    assert spread(inside, model(x, attention_mask=alone, offset=2).output) < 1e-12
    assert spread(inside, model(x, attention_mask=alone).output) > 1e-3


def test_positions_may_be_numbered_otherwise():
    """Places of equal index differ by their content alone."""
    model, x = core(replace(BARE, position="sinusoid")), states(1, 4)
    x[:, 2:] = x[:, :2]
    twice = model(x, position_ids=torch.tensor([0, 1, 0, 1])).output
    assert spread(twice[:, :2], twice[:, 2:]) < 1e-12
    assert spread(model(x).output[:, :2], model(x).output[:, 2:]) > 1e-3
    moved = model(x, position_ids=torch.arange(4) + 5).output
    assert spread(moved, model(x, offset=5).output) < 1e-12
    with pytest.raises(ValueError, match=r"position_ids must be \(4,\), got \(3,\)"):
        model(x, position_ids=torch.arange(3))


def test_a_plain_stack_may_see_the_signal_before_every_layer():
    config, found = replace(BARE, position="sinusoid"), {}
    for every in (False, True):
        torch.manual_seed(0)
        found[every] = ut.PlainStack(config, every=every).double().eval()
    by_hand, signal = states(), ut.sinusoidal(torch.arange(5), 16)
    for layer in found[True].body.before:
        by_hand = layer(by_hand + signal)
    assert spread(by_hand, found[True](states()).output) < 1e-12
    assert spread(by_hand, found[False](states()).output) > 1e-3


def test_a_plain_stack_takes_positions():
    torch.manual_seed(0)
    model = ut.PlainStack(replace(BARE, position="sinusoid")).double().eval()
    moved = model(states(), position_ids=torch.arange(5) + 7).output
    assert spread(moved, model(states(), offset=7).output) < 1e-12


def test_the_shift_is_one_for_encoder_and_decoder():
    model = ut.Seq2Seq(9, replace(BARE, position="sinusoid")).eval()
    source, target = torch.tensor([[3, 4, 2]]), torch.tensor([[4, 2]])
    found = []
    for stack in (model.encoder, model.decoder):
        stack.signal.register_forward_hook(lambda part, given, out: found.append(given[1]))
    model(source, target, position_ids=torch.tensor([0, 1, 0]), offset=9)
    assert [tuple(one.tolist()) for one in found] == [(9, 10, 9)] * 3 + [(9, 10)] * 3


def test_attention_weights_are_those_that_mix():
    torch.manual_seed(0)
    part = ut.MultiHeadAttention(16, 2).double()
    x, attention_mask = states(), torch.ones(5, 5, dtype=torch.bool).tril()[None]
    keys, values = part.keys_values(x)
    weights = part.weights(x, keys, attention_mask)
    assert weights.shape == (2, 2, 5, 5)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 2, 5, dtype=torch.float64))
    assert not weights[..., ~attention_mask[0]].any()
    mixed = weights @ values.unflatten(-1, (2, 8)).transpose(1, 2)
    by_hand = part.o(mixed.transpose(1, 2).flatten(2))
    assert spread(by_hand, part(x, keys, values, attention_mask)) < 1e-12


# ---- equality with torch ----


def twin(model, norm_first):
    """A torch layer with the weights of ours."""
    config, ours = model.config, model.layers[0]
    other = torch.nn.TransformerEncoderLayer(
        config.d_model, config.heads, config.d_ff, dropout=0.0, batch_first=True,
        norm_first=norm_first,
    ).double()  # fmt: skip
    a = ours.attention
    with torch.no_grad():
        other.self_attn.in_proj_weight.copy_(torch.cat([a.q.weight, a.k.weight, a.v.weight]))
        other.self_attn.in_proj_bias.copy_(torch.cat([a.q.bias, a.k.bias, a.v.bias]))
    pairs = [(other.self_attn.out_proj, a.o), (other.linear1, ours.transition[0]),
             (other.linear2, ours.transition[2]), (other.norm1, ours.norms[0]),
             (other.norm2, ours.norms[1])]  # fmt: skip
    for theirs, mine in pairs:
        theirs.load_state_dict(mine.state_dict())
    return other.eval()


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_tied_layers_of_torch_are_the_recurrence(norm, steps):
    model = core(replace(BARE, norm=norm))
    layer, x = twin(model, norm == "pre"), states()
    for _ in range(steps):
        x = layer(x)
    assert spread(model.last_norm(x), model(states(), steps=steps).output) < 1e-12


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_signal_at_the_first_step_only_is_a_tied_transformer(norm):
    signals = {"position": "sinusoid", "signal_at": "first"}
    model, x = core(replace(BARE, norm=norm, **signals)), states()
    layer, by_hand = twin(model, norm == "pre"), x + ut.sinusoidal(torch.arange(5), 16)
    for _ in range(3):
        by_hand = layer(by_hand)
    assert spread(model.last_norm(by_hand), model(x).output) < 1e-12
    assert spread(core(replace(BARE, norm=norm, position="sinusoid"))(x).output, by_hand) > 1e-3


def test_padding_mask_is_torchs():
    model, x = core(), states()
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    theirs = twin(model, False)(x, src_key_padding_mask=~mask)
    assert spread(model(x, padding_mask=mask, steps=1).output[mask], theirs[mask]) < 1e-12


def test_no_step_returns_the_input():
    x = states()
    run = core()(x, steps=0)
    assert torch.equal(run.output, x)
    assert (run.rounds, run.queries, run.steps.max()) == (0, 0, 0)


# ---- properties ----


@pytest.mark.parametrize("halting", [None, "position", "global"])
def test_permutation_equivariance_without_position_signal(halting):
    model = core(replace(BARE, halting=halting, step_signal="sinusoid", steps=5))
    x, order = states(), torch.tensor([3, 0, 4, 1, 2])
    one, other = model(x), model(x[:, order])
    assert spread(one.output[:, order], other.output) < 1e-12
    assert torch.equal(one.steps[:, order], other.steps)


def test_position_signal_breaks_equivariance():
    model = core(replace(BARE, position="sinusoid"))
    x, order = states(), torch.tensor([3, 0, 4, 1, 2])
    assert spread(model(x).output[:, order], model(x[:, order]).output) > 1e-3


@pytest.mark.parametrize("transition", ["fc", "sepconv"])
@pytest.mark.parametrize("halting", [None, "position"])
def test_padding_changes_nothing(transition, halting):
    config = replace(BARE, transition=transition, halting=halting, position="sinusoid", steps=6)
    model, x = core(config), states(1, 4)
    wide = torch.cat([x, 9 * states(1, 3, seed=1)], dim=1)
    padded = model(wide, padding_mask=torch.arange(7)[None] < 4)
    short = model(x, padding_mask=torch.ones(1, 4, dtype=torch.bool))
    assert spread(padded.output[:, :4], short.output) < 1e-12
    assert padded.ponder == short.ponder
    assert padded.steps[0, 4:].sum() == 0 or halting is None


@pytest.mark.parametrize("transition", ["fc", "sepconv"])
@pytest.mark.parametrize("halting", [None, "position"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_decoder_is_causal(transition, halting, norm):
    config = replace(BARE, transition=transition, halting=halting, norm=norm, position="sinusoid")
    model = core(config, cross=True, causal=True)
    context, x = states(2, 3, seed=2), states()
    other = torch.cat([x[:, :3], states(seed=9)[:, 3:]], dim=1)
    options = {"context": context, "attention_mask": causal_mask(5)[None]}
    runs = [model(part, **options) for part in (x, other)]
    assert spread(runs[0].output[:, :3], runs[1].output[:, :3]) < 1e-12
    assert spread(runs[0].output[:, 3:], runs[1].output[:, 3:]) > 1e-3


def test_cross_attention_sees_only_what_is_no_padding():
    model = core(cross=True, causal=True)
    context, context_mask = states(2, 3, seed=2), torch.tensor([[True, True, False]] * 2)
    other = context.clone()
    other[:, 2] += 5.0
    runs = [model(states(), context=c, context_mask=context_mask).output for c in (context, other)]
    assert spread(*runs) == 0


def test_an_isolated_position_sees_nothing_and_stays_finite():
    attention_mask = torch.zeros(1, 5, 5, dtype=torch.bool)
    x = states()
    run = core()(x, attention_mask=attention_mask)
    assert run.output.isfinite().all()
    x[:, 1:] += 1.0
    assert torch.equal(core()(x, attention_mask=attention_mask).output[:, 0], run.output[:, 0])


# ---- variants ----


@pytest.mark.parametrize("recurrence", ["basic", "highway", "skip", "depth", "gru", "lstm"])
@pytest.mark.parametrize("halting", [None, "position"])
@pytest.mark.parametrize("freeze", [False, True])
def test_every_recurrence_runs_and_has_gradients(recurrence, halting, freeze):
    config = replace(BARE, recurrence=recurrence, halting=halting, freeze=freeze, gates="sti")
    model = core(config)
    run = model(states())
    run.output.square().sum().backward()
    reached = {name for name, part in model.named_parameters() if part.grad is not None}
    unused = {name for name, _ in model.named_parameters()} - reached
    cell = recurrence in ("gru", "lstm")
    assert all("transition" in name or "norms.1" in name for name in unused) if cell else not unused


def test_shut_gates_carry():
    x = states()
    for recurrence in ("highway", "skip"):
        model = core(replace(BARE, recurrence=recurrence))
        with torch.no_grad():
            model.update.gate.bias.fill_(-40.0)
        assert spread(model(x).output, x) < 1e-12


def test_open_gates_are_the_basic_recurrence():
    basic = core()
    for recurrence in ("highway", "skip"):
        model = core(replace(BARE, recurrence=recurrence))
        gate = {name: part for name, part in model.state_dict().items() if "gate" in name}
        model.load_state_dict(basic.state_dict() | gate)
        with torch.no_grad():
            model.update.gate.bias.fill_(40.0)
        assert spread(model(states()).output, basic(states()).output) < 1e-9


def test_depthwise_attention_that_scores_all_alike_averages():
    model = core(replace(BARE, recurrence="depth"))
    with torch.no_grad():
        model.update.score.weight.zero_()
    x = states()
    first = model.layers[0](x)
    assert spread(model(x, steps=2).output, model.layers[0]((x + first) / 2)) < 1e-12


def test_layers_inside_and_mixed_in():
    model = core(replace(BARE, layers_inside=2, before=1, after=1))
    x = states()
    by_hand = model.before[0](x)
    for _ in range(3):
        for layer in model.layers:
            by_hand = layer(by_hand)
    run = model(x)
    assert spread(run.output, model.after[0](by_hand)) < 1e-12
    assert run.cost.work == 2 * 3 * 10


def test_separable_convolution_by_hand():
    torch.manual_seed(0)
    part = ut.SeparableConvolution(replace(BARE, d_model=2, heads=1, d_ff=3)).double()
    x = torch.randn(1, 4, 2, dtype=torch.float64)
    padding_mask = torch.tensor([[True, True, True, False]])

    def convolve(x, which, k):
        window, mix = part.window[which].weight[:, 0], part.mix[which]
        padded = torch.nn.functional.pad(x * padding_mask[..., None], (0, 0, k // 2, k // 2))[0]
        mixed = [(padded[i : i + k].T * window).sum(dim=1) for i in range(x.shape[1])]
        return mix(torch.stack(mixed))[None]

    assert spread(part(x, padding_mask), convolve(convolve(x, 0, 3).relu(), 1, 5)) < 1e-12


def test_parameters_do_not_depend_on_the_steps():
    from paralg.recurrences.universal_transformer.theory import parameters

    sizes = {parameters(ut.Recurrence(replace(BARE, steps=t))) for t in (1, 6, 50)}
    assert len(sizes) == 1
    assert parameters(ut.PlainStack(replace(BARE, steps=6))) > 5.9 * sizes.pop()
    learned = replace(BARE, step_signal="learned")
    grown = [parameters(ut.Recurrence(replace(learned, steps=t))) for t in (3, 7)]
    assert grown[1] - grown[0] == 4 * BARE.d_model  # a vector a step


def test_a_plain_stack_is_a_stack():
    torch.manual_seed(0)
    model = ut.PlainStack(replace(BARE, norm="pre")).double()
    x = states()
    by_hand = x
    for layer in model.body.before:
        by_hand = layer(by_hand)
    run = model(x)
    assert spread(run.output, model.body.last_norm(by_hand)) < 1e-12
    assert (run.rounds, run.queries) == (3, 30)
    state = model.state_dict()
    assert len({part.data_ptr() for part in state.values()}) == len(state)  # nothing saved twice


def test_sequence_model_ignores_later_targets():
    model = ut.Seq2Seq(9, replace(BARE, position="sinusoid", halting="position")).double().eval()
    source = torch.tensor([[3, 4, 2, 0], [5, 2, 0, 0]])
    target = torch.tensor([[4, 3, 2], [5, 2, 0]])
    other = target.clone()
    other[:, 1:] = 7
    first = model(source, target).logits
    assert first.shape == (2, 3, 9)
    assert spread(first[:, :2], model(source, other).logits[:, :2]) < 1e-12
    run = model.transduce(source, 4)
    assert (run.tokens.shape, run.calls) == ((2, 4), 4)
    again = model(source, run.tokens).logits.argmax(-1)
    assert torch.equal(again, run.tokens)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"heads": 3}, "heads must divide d_model, got 3"),
        ({"d_model": 0}, "d_model must be at least 1, got 0"),
        ({"steps": -1}, "steps must be at least 0, got -1"),
        ({"norm": "both"}, "norm must be one of"),
        ({"gates": "xy"}, "gates must be letters"),
        ({"epsilon": 1.0}, "epsilon must lie between 0 and 1"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"recurrence": "gru", "layers_inside": 2}, "one block a step, got layers_inside=2"),
        ({"d_model": 15, "heads": 1, "position": "sinusoid"}, "even d_model, got 15"),
    ],
)
def test_wrong_configurations_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        replace(BARE, **change)


def test_wrong_arguments_are_named():
    model = core()
    with pytest.raises(ValueError, match=r"x must be \(b, n, 16\), got \(2, 5, 8\)"):
        model(states(d=8))
    with pytest.raises(ValueError, match=r"padding_mask must be \(2, 5\), got \(2, 4\)"):
        model(states(), padding_mask=torch.ones(2, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="steps must not be negative, got -1"):
        model(states(), steps=-1)
    with pytest.raises(ValueError, match="expected no context"):
        model(states(), context=states())
    with pytest.raises(ValueError, match="averages over later positions"):
        core(replace(BARE, halting="global"), causal=True)

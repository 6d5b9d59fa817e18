"""The block, its signals and variants, against torch's own layers and against each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import pad

from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer.experiments.evaluate import attention_weights
from paralg.recurrences.universal_transformer.theory import parameters
from paralg.recurrences.universal_transformer.variants import SeparableConvolution, VariedSignal
from tests.recurrences.ut_cases import BARE, PLACED, core, lower, run_of, spread, states, twin


@pytest.mark.parametrize("combine", ["add", "concat"])
@pytest.mark.parametrize("step_signal", ["sinusoid", "learned", "none"])
@pytest.mark.parametrize("position", ["sinusoid", "none"])
def test_signals_depend_on_what_they_should(combine, step_signal, position):
    torch.manual_seed(0)
    switches = {"combine": combine, "step_signal": step_signal, "position": position}
    signal, x = VariedSignal(replace(BARE, **switches)), torch.full((1, 4, 16), 0.1)
    first, second = (signal(x, torch.arange(4), step) for step in (1, 2))
    assert first.shape == x.shape
    assert torch.equal(first, second) == (step_signal == "none")
    assert torch.equal(first[:, 0], first[:, 1]) == (position == "none")


def test_learned_steps_and_first_positions():
    assert core(step_signal="learned", extend=True)(states(), steps=9).rounds == 9
    signal = VariedSignal(replace(BARE, position_start="step", steps=4))
    assert [signal.first_position(8, step) for step in (1, 2, 3, 4)] == [0, 2, 4, 6]
    drawn, generator = VariedSignal(replace(BARE, position_start="random")), torch.Generator()
    assert {drawn.first_position(4, 1, generator) for _ in range(60)} == {0, 1, 2, 3}
    assert drawn.eval().first_position(4, 1, generator) == 0
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


def test_the_shift_is_one_for_encoder_and_decoder():
    model, found = ut.Seq2Seq(9, PLACED).eval(), []
    for stack in (model.encoder, model.decoder):
        stack.signal.register_forward_hook(lambda part, given, out: found.append(given[1].tolist()))
    source, target = torch.tensor([[3, 4, 2]]), torch.tensor([[4, 2]])
    model(source, target, position_ids=torch.tensor([0, 1, 0]), offset=9)
    assert found == [[9, 10, 9]] * 3 + [[9, 10]] * 3


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
    layer, mask = twin(model), torch.arange(5).expand(2, 5) < read
    x = x + ut.sinusoidal(torch.arange(5), 16) if placed else x
    for _ in range(steps):
        x = layer(x, src_key_padding_mask=~mask)
    run = run_of(model, steps=steps, padding_mask=mask)
    assert spread(model.last_norm(x)[mask], run.output[mask]) < 1e-12
    assert (run.rounds, run.queries, run.steps.max()) == (steps, 10 * steps, steps)
    if placed:
        assert spread(core(PLACED, norm=norm)(states()).output, x) > 1e-3


@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_plain_stack_is_a_stack(every, norm):
    model, by_hand = core(PLACED, kind=ut.PlainStack, every=every, norm=norm), states()
    for number, layer in enumerate(model.before):
        signal = ut.sinusoidal(torch.arange(5), 16) if every or number == 0 else 0.0
        by_hand = layer(by_hand + signal)
    run, state = run_of(model), model.state_dict()
    assert spread(run.output, model.last_norm(by_hand)) < 1e-12
    assert (run.rounds, run.queries) == (3, 30)
    assert len({part.data_ptr() for part in state.values()}) == len(state)  # nothing saved twice


def test_layers_inside_and_mixed_in():
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

    def convolve(x, which, k):
        wide, window = (
            pad(x * mask[..., None], (0, 0, k // 2, k // 2))[0],
            part.window[which].weight,
        )
        mixed = [(wide[i : i + k].T * window[:, 0]).sum(dim=1) for i in range(x.shape[1])]
        return part.mix[which](torch.stack(mixed))[None]

    assert spread(part(x, mask), convolve(convolve(x, 0, 3).relu(), 1, 5)) < 1e-12


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
    one, later, other = (
        run_of(model, x, context=c, **options).output
        for x, c in ((x, context), (changed, context), (x, poor))
    )
    assert spread(one[:, :3], later[:, :3]) < 1e-12
    assert spread(one[:, 3:], later[:, 3:]) > 1e-3
    assert spread(one, other) == 0


def test_the_sequence_model_writes_what_it_predicts_and_ignores_later_targets():
    model = ut.Seq2Seq(9, replace(PLACED, halting="position")).double().eval()
    source, target = (
        torch.tensor([[3, 4, 2, 0], [5, 2, 0, 0]]),
        torch.tensor([[4, 3, 2], [5, 2, 0]]),
    )
    first, later = model(source, target).logits, model(source, target.where(target == 4, 7)).logits
    assert first.shape == (2, 3, 9)
    assert spread(first[:1, :2], later[:1, :2]) < 1e-12
    run = model.transduce(source, 4)
    assert (run.tokens.shape, run.calls) == ((2, 4), 4)
    assert torch.equal(model(source, run.tokens).logits.argmax(-1), run.tokens)


@pytest.mark.parametrize("recurrence", ["basic", "highway", "skip", "depth", "gru", "lstm"])
@pytest.mark.parametrize(
    "halting, freeze", [(None, False), ("position", False), ("position", True)]
)
def test_every_recurrence_runs_and_has_gradients(recurrence, halting, freeze):
    model = core(recurrence=recurrence, halting=halting, freeze=freeze, gates="sti")
    model(states()).output.square().sum().backward()
    unused = {name for name, part in model.named_parameters() if part.grad is None}
    cell = recurrence in ("gru", "lstm")
    assert all("transition" in name or "norms.1" in name for name in unused) if cell else not unused


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


def test_parameters_do_not_depend_on_the_steps():
    sizes = {parameters(core(steps=t)) for t in (1, 6, 50)}
    assert len(sizes) == 1
    assert parameters(core(kind=ut.PlainStack, steps=6)) > 5.9 * sizes.pop()
    few, many = (parameters(core(step_signal="learned", steps=t)) for t in (3, 7))
    assert many - few == 4 * BARE.d_model  # a vector a step


WRONG = {
    "heads must divide d_model, got 3": {"heads": 3},
    "d_model must be at least 1, got 0": {"d_model": 0},
    "steps must be at least 0, got -1": {"steps": -1},
    r"norm must be one of \('post', 'pre'\), got 'both'": {"norm": "both"},
    r"halting must be one of \(None, 'position', .*, got 'never'": {"halting": "never"},
    "gates must be letters": {"gates": "xy"},
    "epsilon must lie between 0 and 1": {"epsilon": 1.0},
    "dropout must lie in": {"dropout": 1.0},
    "one block a step, got layers_inside=2": {"recurrence": "gru", "layers_inside": 2},
    "even d_model, got 15": {"d_model": 15, "heads": 1, "position": "sinusoid"},
    "averages over later positions": {"halting": "global", "cross": True},
}
WRONG_CALLS = {
    "3 rows, got step 4": {"steps": 4},
    r"x must be \(b, n, 16\), got \(2, 5, 8\)": {"x": states(d=8)},
    r"padding_mask must be \(2, 5\), got \(2, 4\)": {"padding_mask": torch.ones(2, 4) > 0},
    r"position_ids must be \(5,\), got \(3,\)": {"position_ids": torch.arange(3)},
    "steps must not be negative, got -1": {"steps": -1},
    "expected no context": {"context": states()},
}


def test_wrong_configurations_and_arguments_are_named():
    for words, change in WRONG.items():
        with pytest.raises(ValueError, match=words):
            core(**change)
    for words, options in WRONG_CALLS.items():
        with pytest.raises(ValueError, match=words):
            core(step_signal="learned")(**{"x": states()} | options)

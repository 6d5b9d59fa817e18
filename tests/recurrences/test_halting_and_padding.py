"""The Universal Transformer: ties of halting, probabilities of one's own, padding, precision."""

import pytest
import torch

import paralg.recurrences.universal_transformer as ut
from paralg.recurrences.universal_transformer.block import waves
from paralg.sequence import CausalAttention, SequenceModel, sinusoidal
from tests.recurrences.ut_cases import core, states

NAN, INF = float("nan"), float("inf")
DENSE = (lambda model, x, **how: model(x, **how), ut.run_compacted)
FROZEN = {"halting": "position", "freeze": True, "epsilon": 0.25, "steps": 6}


@pytest.mark.parametrize("run", DENSE, ids=["dense", "compacted"])
def test_a_position_halts_on_its_own_at_an_exact_tie(run):
    """A mass of exactly 1 - ε is not enough, whoever else still runs."""
    model, x = core(**FROZEN).eval(), states(1, 3)
    p = torch.tensor([[0.5, 0.25, 0.25, 0.5, 0, 0], [1.0, 0, 0, 0, 0, 0], [0.1] * 6]).T[:, None]
    p = p.double()
    together = run(model, x, probabilities=p)
    alone = [run(model, x[:, i : i + 1], probabilities=p[..., i : i + 1]) for i in range(3)]
    assert together.steps[0].tolist() == [3, 1, 6]
    for i, one in enumerate(alone):
        assert one.steps.item() == together.steps[0, i], i
        assert ut.halt(p[:, 0, i].tolist(), epsilon=0.25).steps == one.steps.item()
        assert torch.equal(one.weights[:, 0, 0], together.weights[: one.rounds, 0, i])


def test_probabilities_of_ones_own_replace_the_unit():
    for switches in ({"halting": "position"}, {"halting": None}):
        model, x = core(**{**FROZEN, **switches}), states(2, 4)
        p = torch.full((6, 2, 4), 0.5, dtype=torch.float64)
        runs = [run(model, x, probabilities=p) for run in DENSE]
        assert runs[0].steps.unique().tolist() == [2.0]
        assert torch.allclose(runs[0].output, runs[1].output)
        assert not torch.allclose(runs[0].output, model(x).output)
    for bad, words in ((p + 1, r"lie in \[0, 1\], got 1.5"), (p * NAN, "got nan"),
                       (p[:5], r"the shape \(6, 2, 4\), got \(5, 2, 4\)")):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            model(x, probabilities=bad)


@pytest.mark.parametrize("filling", [NAN, INF, 1e30])
@pytest.mark.parametrize("switches", [
    {}, {"halting": "position"}, {"halting": "global"}, {"norm": "pre", "transition": "sepconv"},
    {"recurrence": "depth", "before": 1, "after": 1}, {"recurrence": "lstm"},
    {"halting": "settled", "freeze": True}], ids=str)  # fmt: skip
@torch.no_grad()
def test_padding_has_no_influence_whatever_it_holds(switches, filling):
    x, mask = states(2, 6), torch.ones(2, 6, dtype=torch.bool)
    mask[0, 4:] = mask[1, 2:] = False
    dirty = x.masked_fill(~mask[..., None], filling)
    for kind in (ut.Recurrence, ut.PlainStack):
        model = core(kind=kind, **switches).eval()
        clean, found = model(x, padding_mask=mask), model(dirty, padding_mask=mask)
        assert torch.equal(clean.output[mask], found.output[mask])
        assert torch.equal(clean.steps, found.steps)
        short = model(x[:1, :4])
        assert torch.allclose(short.output[0], found.output[0, :4], atol=1e-12)
    if switches.get("freeze"):
        few = ut.run_compacted(core(**switches).eval(), dirty, padding_mask=mask)
        assert few.output[mask].isfinite().all()
    model = core(cross=True, **switches | {"halting": None}).eval()
    clean, found = (model(x, context=y, context_mask=mask).output for y in (x, dirty))
    assert torch.equal(clean, found)


@torch.no_grad()
def test_padding_has_no_influence_on_the_layers():
    torch.manual_seed(0)
    x, mask = states(2, 6), torch.ones(2, 6, dtype=torch.bool)
    mask[:, 3:] = False
    dirty = x.masked_fill(~mask[..., None], NAN)
    block = core().layers[0]
    rows = mask[:, None, :]
    assert torch.equal(block(x, attention_mask=rows)[mask], block(dirty, attention_mask=rows)[mask])
    attend = CausalAttention(16, 2).double()
    assert torch.equal(attend(x, mask)[mask], attend(dirty, mask)[mask])


def test_signals_are_as_precise_as_the_states():
    ids = torch.tensor([0, 1, 1000, 54321])
    angle = ids[:, None].double() * torch.exp(torch.arange(4.0).double() * -torch.log(
        torch.tensor(10_000.0, dtype=torch.float64)) / 4)  # fmt: skip
    exact = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)
    x = torch.zeros(4, 8, dtype=torch.float64)
    assert (waves(x, ids, 8) - exact).abs().max() < 1e-11
    for layout in ("interleaved", "split"):
        signal = ut.Recurrence(ut.UTConfig(d_model=8, step_signal="none", layout=layout)).signal
        assert (signal(x, ids, 1) - waves(x, ids, 8, layout=layout)).abs().max() == 0
    single = waves(x.float(), ids, 8)
    assert torch.equal(single, sinusoidal(ids, 8))
    half = waves(x.bfloat16(), ids, 8)
    assert (half.double() - single.double()).abs().max() < 1e-2
    model = SequenceModel(lambda: torch.nn.Identity(), 5, 3, width=8, positions=sinusoidal).double()
    placed = model._placed(torch.zeros(1, 4, 8).double(), ids)
    assert (placed - exact).abs().max() < 1e-11

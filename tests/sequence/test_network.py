"""One model around any mixer: whole sequences and single tokens; blocks, positions, examples."""

import doctest
import importlib
from functools import partial

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from paralg import sequence  # noqa: E402
from paralg.recurrences.aaren import AarenConfig, build_model  # noqa: E402
from paralg.sequence import (  # noqa: E402
    ConvolutionBlock,
    PerceptronBlock,
    SequenceModel,
    sinusoidal,
    state_bytes,
    stream,
)


class Sum(nn.Module):
    """The smallest mixer: the sum so far."""

    def forward(self, v, scale=1.0):
        return scale * v.cumsum(1)

    def begin(self, batch):
        return torch.zeros(batch, 1)

    def step(self, v, state):
        return state + v, state + v


BLOCKS = {"perceptron": PerceptronBlock, "wide": partial(PerceptronBlock, widen=4, dropout=0.5),
          "convolution": ConvolutionBlock}  # fmt: skip


def build(block="perceptron", **options):
    return SequenceModel(Sum, 5, 3, width=8, block=BLOCKS[block], **options).eval()


@pytest.mark.parametrize("module", [
    "batch", "tasks", "network", "state", "attention", "scans", "streaming",
])
def test_examples_run(module):
    assert doctest.testmod(importlib.import_module(f"paralg.sequence.{module}")).failed == 0


def test_every_public_name_is_there():
    assert all(hasattr(sequence, name) for name in sequence.__all__)


@pytest.mark.parametrize("positions", [None, sinusoidal, partial(sinusoidal, amplitude=0.2)])
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("tokens", [True, False])
@torch.no_grad()
def test_whole_sequence_equals_token_by_token(block, tokens, positions):
    model = build(block, tokens=tokens, positions=positions)
    x = torch.randint(0, 5, (2, 9)) if tokens else torch.randn(2, 9, 5)
    state, outputs = model.begin(2), []
    for t in range(9):
        out, state = model.step(x[:, t], state)
        outputs.append(out)
    assert torch.allclose(torch.stack(outputs, 1), model(x), atol=1e-5)
    assert state.count == 9
    assert state.nbytes == state_bytes(state.states) > 0


def test_seeds_settle_the_weights_and_leave_the_stream_alone():
    before = torch.get_rng_state()
    one, two, other = (build(seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])
    assert torch.equal(before, torch.get_rng_state())


def test_options_go_to_the_mixers():
    x = torch.randint(0, 5, (1, 4))
    assert not torch.allclose(build()(x), build()(x, scale=0.0))


def test_sinusoids_are_the_papers_in_both_layouts():
    turned, split = (sinusoidal(torch.arange(5), 6, layout=x) for x in ("interleaved", "split"))
    i, j = torch.arange(5)[:, None], torch.arange(3)
    angles, apart = i / 10_000 ** (2 * j / 6), i / 10_000.0 ** (j / 2)
    assert torch.allclose(turned[:, ::2], angles.sin(), atol=1e-6)
    assert torch.allclose(turned[:, 1::2], angles.cos(), atol=1e-6)
    assert torch.allclose(split, torch.cat([apart.sin(), apart.cos()], dim=1), atol=1e-6)


def test_positions_are_distinct_and_bounded():
    p = sinusoidal(torch.arange(2000), 16, longest=2000.0)
    assert p.shape == (2000, 16)
    assert p.abs().max() <= 1
    assert torch.pdist(p[::7]).min() > 1e-3
    lower = sinusoidal(torch.arange(2000), 16, longest=2000.0, amplitude=0.2)
    assert torch.allclose(0.2 * p, lower, atol=1e-7)
    far, exact = torch.tensor([10**6, 10**6 + 1]), torch.tensor([10.0**6, 10.0**6 + 1]).double()
    assert torch.allclose(sinusoidal(far, 4).double(), sinusoidal(exact, 4), atol=1e-7)
    assert sinusoidal(exact, 4).dtype == torch.float64
    assert sinusoidal(torch.arange(3), 7).shape == (3, 7)


@pytest.mark.parametrize("at", [(), (3, 2), (0, 1), (5, 50)])
def test_a_stream_is_measured_where_it_is(at):
    with pytest.raises(ValueError, match="at must (ascend from at least 1|be at least)"):
        stream(build(), torch.zeros(9, dtype=torch.int64), at)


@pytest.mark.parametrize("cuts", [(), (3,), (1, 5), (2, 2, 4)])
def test_a_whole_model_of_aaren_that_goes_on_by_blocks_equals_its_forward(cuts):
    model = build_model(AarenConfig(4, 3, width=8, heads=2, layers=2), seed=1).double().eval()
    x = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0)).double()
    state, outputs = model.begin(2), []
    for first, last in zip((0, *cuts), (*cuts, 6), strict=True):
        output, state = model.extend(x[:, first:last], state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, 1), model(x))

"""The block and the language model: peer, decoding, flags, initial weights."""

from __future__ import annotations

import itertools
import math
import re

import pytest
import torch
from mamba_cases import relative

from paralg.recurrences.mamba import (
    MambaBlock,
    MambaConfig,
    MambaLM,
    VariantConfig,
    VariantLM,
    selective_scan,
    variant_block,
)
from paralg.recurrences.mamba import block as block_module
from paralg.recurrences.mamba.experiments.scores import generate, step_sizes
from paralg.recurrences.mamba.variants import SELECTABLE
from paralg.training import decay_groups, saved_tensors

OFFICIAL = {"in_proj.weight", "conv1d.weight", "conv1d.bias", "x_proj.weight", "dt_proj.weight",
            "dt_proj.bias", "A_log", "D", "out_proj.weight"}  # fmt: skip
PARTS = [chosen for k in range(4) for chosen in itertools.combinations(SELECTABLE, k)]


def small(**changes):
    return VariantConfig(**{"d_model": 8, "d_state": 3, "vocab_size": 11} | changes)


def block_of(**changes):
    config = small(**changes)
    return variant_block(config)(config)


@pytest.mark.parametrize("length", [1, 3, 37])
def test_equal_weights_give_the_peer_s_outputs_and_gradients(length):
    peer_module = pytest.importorskip("mambapy.mamba")
    torch.manual_seed(0)
    peer = peer_module.MambaBlock(peer_module.MambaConfig(d_model=32, n_layers=1)).double()
    block = MambaBlock(MambaConfig(d_model=32)).double()
    assert set(block.state_dict()) == OFFICIAL
    block.load_state_dict(peer.state_dict())
    v = torch.randn(2, length, 32, dtype=torch.float64, requires_grad=True)
    ours, theirs = block(v)[0], peer(v)
    assert relative(ours, theirs.detach()) < 1e-6  # the peer computes A in float32
    weights = torch.randn_like(ours)
    mine = torch.autograd.grad((weights * ours).sum(), [v, *block.parameters()])
    named = dict(peer.named_parameters())
    others = [v, *(named[name] for name, _ in block.named_parameters())]
    expected = torch.autograd.grad((weights * theirs).sum(), others)
    for got, right in zip(mine, expected, strict=True):
        assert relative(got, right) < 1e-5


@pytest.mark.parametrize("selective", PARTS)
@pytest.mark.parametrize("complex_states, architecture, discretisation",
                         [(0, "mamba", "euler"), (0, "h3", "euler"), (0, "ungated", "euler"),
                          (1, "mamba", "zoh"), (1, "h3", "euler")])  # fmt: skip
def test_decoding_step_by_step_equals_the_parallel_pass(
    selective, complex_states, architecture, discretisation
):
    config = small(
        selective=selective, complex_states=bool(complex_states), architecture=architecture,
        discretisation=discretisation,
    )  # fmt: skip
    model = VariantLM(config).double()
    tokens = torch.randint(0, 11, (2, 9), generator=torch.Generator().manual_seed(1))
    expected = model(tokens).detach()
    states, logits = model.first_states(2), []
    for t in range(9):
        step, states = model.step(tokens[:, t], states)
        logits.append(step)
    assert relative(torch.stack(logits, 1).detach(), expected) < 1e-6
    sizes = [part.shape for state in states for part in state]
    assert sizes == [part.shape for state in model.first_states(2) for part in state]


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_sequence_may_come_in_parts(cut):
    """Also parts shorter than the convolution."""
    model = VariantLM(small()).double()
    tokens = torch.arange(9)[None] % 11
    first, states = model.continue_from(tokens[:, :cut], None)
    second, _ = model.continue_from(tokens[:, cut:], states)
    assert relative(torch.cat([first, second], 1).detach(), model(tokens).detach()) < 1e-6


def test_last_positions_only():
    model = VariantLM(small())
    tokens = torch.arange(6)[None]
    assert relative(model(tokens, 2), model(tokens)[:, -2:]) < 1e-6


def test_the_model_is_causal_bit_by_bit():
    model = VariantLM(small()).eval()
    tokens = torch.arange(40)[None] % 11
    changed = tokens.clone()
    changed[0, 25] = 10
    before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :25], after[:, :25])
    assert not torch.equal(before[:, 25], after[:, 25])


@pytest.mark.parametrize("method", ["compiled", "chunked", "kogge-stone", "brent-kung", "loop"])
def test_every_method_trains_alike(method):
    tokens = torch.arange(20)[None] % 11
    grads = {}
    for way in ("sequential", method):
        model = VariantLM(small(method=way), seed=3)
        model(tokens).logsumexp(-1).sum().backward()
        grads[way] = [p.grad for p in model.parameters()]
    for got, expected in zip(grads[method], grads["sequential"], strict=True):
        assert relative(got, expected) < 1e-4


def test_initial_weights():
    config = MambaConfig(d_model=64, n_layer=4, vocab_size=27)
    model = MambaLM(config, seed=1)
    mixer = model.backbone.layers[0].mixer
    assert config.rank == 4
    assert torch.allclose(mixer.A, -torch.arange(1.0, 17).expand(128, 16))
    assert torch.equal(mixer.D, torch.ones(128))
    steps = torch.nn.functional.softplus(mixer.dt_proj.bias)
    assert 1e-3 * 0.999 <= steps.min() < 2e-3
    assert 0.05 < steps.max() <= 0.1 * 1.001
    assert mixer.dt_proj.weight.abs().max() <= 4**-0.5
    assert mixer.out_proj.weight.abs().max() <= 1 / math.sqrt(128) / math.sqrt(4)
    assert 0.015 < model.backbone.embedding.weight.std() < 0.025
    assert model.backbone.embedding.weight.shape == (32, 64)  # 27 padded to a multiple of 8
    assert model.lm_head.weight is model.backbone.embedding.weight
    assert model(torch.zeros(1, 1, dtype=torch.int64)).shape == (1, 1, 27)


def test_parameters_of_a_block():
    width = 256
    count = sum(p.numel() for p in MambaBlock(MambaConfig(d_model=width)).parameters())
    assert 3 * 2 * width**2 < count < 1.15 * 3 * 2 * width**2


def test_the_first_step_sizes_have_a_floor():
    block = MambaBlock(MambaConfig(d_model=8, dt_min=1e-9, dt_max=1e-8))
    steps = torch.nn.functional.softplus(block.step_bias)
    assert torch.allclose(steps, torch.full_like(steps, 1e-4), rtol=1e-3)


def test_complex_rates_begin_as_s4d_lin():
    A = block_of(complex_states=True).A
    expected = torch.complex(torch.full((3,), -0.5), math.pi * torch.arange(3.0))
    assert torch.allclose(A, expected.expand(16, 3))


@pytest.mark.parametrize("selective", PARTS)
def test_what_is_exempt_from_weight_decay(selective):
    model = VariantLM(small(selective=selective))
    decayed, exempt = decay_groups(model, 0.1)
    names = {id(p): name for name, p in model.named_parameters()}
    last = {re.sub(r"backbone.(layers.\d.)?(mixer.)?", "", names[id(p)]) for p in exempt["params"]}
    step_bias = "dt_proj.bias" if "delta" in selective else "dt_bias"
    vectors = {"conv1d.bias", "norm.weight", "norm_f.weight"}
    assert last == {"A_log", "D", step_bias} | ({"B", "C"} - set(selective)) | vectors
    assert (decayed["weight_decay"], exempt["weight_decay"]) == (0.1, 0.0)
    assert len(decayed["params"]) + len(exempt["params"]) == len(list(model.parameters()))


def test_a_model_without_selection_is_a_convolution():
    """With constant step, B and C the scan commutes with a shift of its input."""
    block = block_of(selective=(), d_conv=1).double()
    x = torch.randn(1, 12, 16, dtype=torch.float64)
    delta, B, C = block.select(x)
    assert torch.equal(delta[:, 0], delta[:, -1])
    assert torch.equal(B[:, 0], B[:, -1])
    assert not hasattr(block, "x_proj")


@pytest.mark.parametrize("architecture", ["mamba", "ungated", "h3"])
def test_step_sizes_are_those_the_scan_is_given(architecture, monkeypatch):
    """What reaches the scan, after bias and softplus, in every layer."""
    given = []

    def spy(u, delta, A, B, C, D, z, bias, **options):
        given.append(torch.nn.functional.softplus(delta + bias))
        return selective_scan(u, delta, A, B, C, D, z, bias, **options)

    model = VariantLM(small(architecture=architecture))
    tokens = torch.arange(14).view(2, 7) % 11
    found = step_sizes(model, tokens)
    monkeypatch.setattr(block_module, "selective_scan", spy)
    model(tokens)
    assert len(found) == len(given) == 2
    for steps, expected in zip(found, given, strict=True):
        assert steps.shape == (2, 7, 16)
        assert torch.equal(steps, expected.detach())


def test_step_sizes_without_selection_are_constant():
    model = VariantLM(small(selective=("B", "C")))
    for steps in step_sizes(model, torch.arange(9)[None]):
        assert torch.allclose(steps, steps[:, :1].expand_as(steps))


def test_generation_uses_constant_memory():
    model = VariantLM(small())
    prompt = torch.tensor([[1, 2, 3], [4, 5, 6]])
    short, long = generate(model, prompt, 2), generate(model, prompt, 50)
    inner, window = 16, 3
    assert short.state_bytes == long.state_bytes == 4 * 2 * 2 * inner * (3 + window)
    assert torch.equal(short.tokens, long.tokens[:, :2])
    assert generate(model, prompt, 0).tokens.shape == (2, 0)
    assert torch.equal(generate(model, prompt, 5, temperature=0).tokens,
                       generate(model, prompt, 5, temperature=0, seed=9).tokens)  # fmt: skip


def test_memory_of_a_block_does_not_hold_its_states():
    block, v = MambaBlock(MambaConfig(d_model=32)), torch.randn(1, 256, 32)
    loop = MambaBlock(MambaConfig(d_model=32, method="loop"))
    assert saved_tensors(lambda: loop(v)).bytes > 5 * saved_tensors(lambda: block(v)).bytes


@pytest.mark.parametrize(
    "change, words",
    [
        ({"d_model": 0}, "d_model must be at least 1, got 0"),
        ({"dt_rank": 0}, "dt_rank must be at least 1, or None, got 0"),
        ({"dt_min": 0.2}, "expected 0 < dt_min <= dt_max, got 0.2 and 0.1"),
        ({"selective": ("A",)}, "selective must name some of"),
        ({"architecture": "rnn"}, "architecture must be one of"),
    ],
)
def test_bad_configurations(change, words):
    with pytest.raises(ValueError) as caught:
        small(**change)
    assert words in str(caught.value)


def test_tokens_of_the_wrong_shape():
    model = VariantLM(small())
    with pytest.raises(ValueError, match="tokens must have 2 axes"):
        model(torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="tokens must have 1 axes"):
        model.step(torch.zeros(1, 3, dtype=torch.int64), model.first_states(1))

"""The block and the language model: peer, decoding, switches, initial weights."""

from __future__ import annotations

import itertools
import math
import re

import pytest
import torch
from mamba_cases import relative
from torch.nn.functional import softplus

from paralg.recurrences.mamba import MambaBlock, MambaConfig, VariantConfig, VariantLM
from paralg.recurrences.mamba import block as block_module
from paralg.recurrences.mamba.experiments.scores import generate, step_sizes
from paralg.recurrences.mamba.variants import SELECTABLE
from paralg.training import decay_groups, saved_tensors

PARTS = [chosen for k in range(4) for chosen in itertools.combinations(SELECTABLE, k)]
TOKENS = torch.arange(18).view(2, 9) % 11


def small(**changes):
    """Return a model, and the block of its first layer."""
    config = VariantConfig(**{"d_model": 8, "d_state": 3, "vocab_size": 11} | changes)
    model = VariantLM(config, seed=3).double()
    return model, model.backbone.layers[0].mixer


@pytest.mark.parametrize("length", [1, 3, 37])
def test_equal_weights_give_the_peer_s_outputs_and_gradients(length):
    peer_module = pytest.importorskip("mambapy.mamba")
    torch.manual_seed(0)
    peer = peer_module.MambaBlock(peer_module.MambaConfig(d_model=32, n_layers=1)).double()
    block = MambaBlock(MambaConfig(d_model=32)).double()
    block.load_state_dict(peer.state_dict())
    v = torch.randn(2, length, 32, dtype=torch.float64, requires_grad=True)
    ours, theirs = block(v)[0], peer(v)
    assert relative(ours, theirs.detach()) < 1e-6  # the peer computes A in float32
    weights, named = torch.randn_like(ours), dict(peer.named_parameters())
    mine = torch.autograd.grad((weights * ours).sum(), [v, *block.parameters()])
    others = [v, *(named[name] for name, _ in block.named_parameters())]
    expected = torch.autograd.grad((weights * theirs).sum(), others)
    for got, right in zip(mine, expected, strict=True):
        assert relative(got, right) < 1e-5


@pytest.mark.parametrize("selective, complex_states, architecture, discretisation", [
    *((chosen, False, "mamba", "euler") for chosen in PARTS),
    *((chosen, *others) for chosen in PARTS[::3] for others in (
        (False, "h3", "euler"), (False, "ungated", "euler"), (True, "mamba", "zoh"),
        (True, "h3", "euler"))),
])  # fmt: skip
def test_decoding_step_by_step_equals_the_parallel_pass(
    selective, complex_states, architecture, discretisation
):
    model, _ = small(selective=selective, complex_states=complex_states,
                     architecture=architecture, discretisation=discretisation)  # fmt: skip
    states, logits = model.first_states(2), []
    for token in TOKENS.T:
        step, states = model.step(token, states)
        logits.append(step)
    expected = model(TOKENS).detach()
    assert relative(torch.stack(logits, 1), expected) < 1e-6
    sizes = [part.shape for state in states for part in state]
    assert sizes == [part.shape for state in model.first_states(2) for part in state]
    assert torch.equal(model(TOKENS, 2), expected[:, -2:])


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_sequence_may_come_in_parts_and_the_second_changes_nothing_in_the_first(cut):
    """Also parts shorter than the convolution; causal to the bit."""
    model, _ = small()
    first, states = model.continue_from(TOKENS[:, :cut], None)
    second, _ = model.continue_from(TOKENS[:, cut:], states)
    assert relative(torch.cat([first, second], 1), model(TOKENS)) < 1e-6
    changed = TOKENS.clone()
    changed[0, cut] = 10
    before, after = model(TOKENS)[0], model(changed)[0]
    assert torch.equal(before[:cut], after[:cut])
    assert not torch.equal(before[cut], after[cut])


def test_initial_weights():
    model, mixer = small(d_model=64, n_layer=4, d_state=16, vocab_size=27)
    assert mixer.config.rank == 4
    assert torch.allclose(mixer.A, -torch.arange(1.0, 17).double().expand(128, 16))
    assert torch.equal(mixer.D, torch.ones_like(mixer.D))
    steps = softplus(mixer.dt_proj.bias)
    assert 1e-3 * 0.999 <= steps.min() < 2e-3
    assert 0.05 < steps.max() <= 0.1 * 1.001
    assert mixer.dt_proj.weight.abs().max() <= 4**-0.5
    assert mixer.out_proj.weight.abs().max() <= 1 / math.sqrt(128) / math.sqrt(4)
    assert 0.015 < model.backbone.embedding.weight.std() < 0.025
    assert model.backbone.embedding.weight.shape == (32, 64)  # 27 padded to a multiple of 8
    assert model.lm_head.weight is model.backbone.embedding.weight
    assert model(TOKENS).shape == (2, 9, 27)
    count, share = sum(p.numel() for p in mixer.parameters()), 3 * 2 * 64**2
    assert share < count < 1.4 * share
    floored = softplus(small(dt_min=1e-9, dt_max=1e-8)[1].step_bias)
    assert torch.allclose(floored, torch.full_like(floored, 1e-4), rtol=1e-3)
    expected = torch.complex(torch.full((3,), -0.5), math.pi * torch.arange(3.0))
    assert torch.allclose(small(complex_states=True)[1].A.cfloat(), expected.expand(16, 3))


@pytest.mark.parametrize("selective", PARTS)
def test_what_is_exempt_from_weight_decay(selective):
    model, _ = small(selective=selective)
    decayed, exempt = decay_groups(model, 0.1)
    names = {id(p): name for name, p in model.named_parameters()}
    last = {re.sub(r"backbone.(layers.\d.)?(mixer.)?", "", names[id(p)]) for p in exempt["params"]}
    step_bias = "dt_proj.bias" if "delta" in selective else "dt_bias"
    vectors = {"conv1d.bias", "norm.weight", "norm_f.weight"}
    assert last == {"A_log", "D", step_bias} | ({"B", "C"} - set(selective)) | vectors
    assert (decayed["weight_decay"], exempt["weight_decay"]) == (0.1, 0.0)
    assert len(decayed["params"]) + len(exempt["params"]) == len(names)
    assert hasattr(model.backbone.layers[0].mixer, "x_proj") == bool(selective)


@pytest.mark.parametrize("architecture", ["mamba", "ungated", "h3"])
def test_step_sizes_are_those_the_scan_is_given(architecture, monkeypatch):
    """What reaches the scan, after bias and softplus, in every layer."""
    given, scan = [], block_module.selective_scan

    def spy(u, delta, A, B, C, D, z, bias, **options):
        given.append(softplus(delta + bias).detach())
        return scan(u, delta, A, B, C, D, z, bias, **options)

    model, _ = small(architecture=architecture)
    found = step_sizes(model, TOKENS)
    monkeypatch.setattr(block_module, "selective_scan", spy)
    model(TOKENS)
    assert len(found) == len(given) == 2
    assert all(map(torch.equal, found, given))
    for steps in step_sizes(small(selective=("B", "C"), architecture=architecture)[0], TOKENS):
        assert torch.equal(steps, steps[:, :1].expand_as(steps))


def test_generation_uses_constant_memory_and_training_keeps_no_states():
    model = small()[0].float()
    short, long = (generate(model, TOKENS[:, :3], n) for n in (2, 50))
    inner, window = 16, 3
    assert short.state_bytes == long.state_bytes == 4 * 2 * 2 * inner * (3 + window)
    assert torch.equal(short.tokens, long.tokens[:, :2])
    assert generate(model, TOKENS, 0).tokens.shape == (2, 0)
    one, two = (generate(model, TOKENS, 5, temperature=0, seed=seed).tokens for seed in (0, 9))
    assert torch.equal(one, two)
    v, ways = torch.randn(1, 256, 32), ("loop", "auto")
    loop, auto = (MambaBlock(MambaConfig(d_model=32, method=way)) for way in ways)
    assert saved_tensors(lambda: loop(v)).bytes > 5 * saved_tensors(lambda: auto(v)).bytes


@pytest.mark.parametrize("change, words", [
    ({"d_model": 0}, "d_model must be at least 1, got 0"),
    ({"dt_rank": 0}, "dt_rank must be at least 1, or None, got 0"),
    ({"dt_min": 0.2}, "expected 0 < dt_min <= dt_max, got 0.2 and 0.1"),
    ({"selective": ("A",)}, "selective must name some of"),
    ({"architecture": "rnn"}, "architecture must be one of"),
])  # fmt: skip
def test_bad_configurations_and_tokens(change, words):
    with pytest.raises(ValueError, match=words):
        small(**change)
    model, _ = small()
    with pytest.raises(ValueError, match="tokens must have 2 axes"):
        model(TOKENS[0])
    with pytest.raises(ValueError, match="tokens must have 1 axes"):
        model.step(TOKENS, model.first_states(2))

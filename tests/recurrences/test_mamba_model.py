"""The block and the language model, their peer; tasks, training and the shipped models."""

import itertools
import json
import math
import re
from dataclasses import replace
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from mamba_cases import relative
from torch.nn.functional import softplus

from paralg.data import pydoc_text
from paralg.recurrences import mamba
from paralg.recurrences.mamba.experiments import records, runs, scores
from paralg.recurrences.mamba.experiments.runs import RECIPES, RUNS, SelectiveCopying, recipe
from paralg.recurrences.mamba.variants import SELECTABLE
from paralg.training import decay_groups, saved_tensors

PARTS = [chosen for k in range(4) for chosen in itertools.combinations(SELECTABLE, k)]
TOKENS = torch.arange(18).view(2, 9) % 11


def small(**changes):
    """Return a model, and the block of its first layer."""
    config = mamba.VariantConfig(**{"d_model": 8, "d_state": 3, "vocab_size": 11} | changes)
    model = mamba.VariantLM(config, seed=3).double()
    return model, model.backbone.layers[0].mixer


@pytest.mark.parametrize("length", [1, 37])
def test_equal_weights_give_the_peer_s_outputs_and_gradients(length):
    peer_module = pytest.importorskip("mambapy.mamba")
    torch.manual_seed(0)
    peer = peer_module.MambaBlock(peer_module.MambaConfig(d_model=32, n_layers=1)).double()
    block = mamba.MambaBlock(mamba.MambaConfig(d_model=32)).double()
    block.load_state_dict(peer.state_dict())
    v = torch.randn(2, length, 32, dtype=torch.float64, requires_grad=True)
    ours, theirs = block(v), peer(v)
    assert relative(ours, theirs.detach()) < 1e-6  # the peer computes A in float32
    weights, parts = torch.randn_like(ours), [name for name, _ in block.named_parameters()]
    mine, others = (
        torch.autograd.grad((weights * y).sum(), [v, *map(one.get_parameter, parts)])
        for y, one in ((ours, block), (theirs, peer))
    )
    assert all(relative(got, right) < 1e-5 for got, right in zip(mine, others, strict=True))


FORMS = ({"architecture": "h3"}, {"architecture": "ungated"},
         {"complex_states": True, "discretisation": "zoh"},
         {"complex_states": True, "architecture": "h3"})  # fmt: skip


@pytest.mark.parametrize("change", [
    *({"selective": chosen} for chosen in PARTS),
    *({"selective": chosen} | form for chosen in PARTS[::7] for form in FORMS),
])  # fmt: skip
def test_decoding_step_by_step_equals_the_parallel_pass(change):
    model, _ = small(**change)
    states, logits = model.first_states(2), []
    for token in TOKENS.T:
        step, states = model.step(token, states)
        logits.append(step)
    expected = model(TOKENS).detach()
    assert relative(torch.stack(logits, 1), expected) < 1e-6
    before, after = ([part.shape for state in these for part in state]
                     for these in (model.first_states(2), states))  # fmt: skip
    assert before == after
    assert torch.allclose(model(TOKENS, 2), expected[:, -2:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_sequence_may_come_in_parts_and_the_second_changes_nothing_in_the_first(cut):
    """Also parts shorter than the convolution; causal to the bit."""
    model, _ = small()
    first, states = model.continue_from(TOKENS[:, :cut], None)
    second, _ = model.continue_from(TOKENS[:, cut:], states)
    whole, changed = model(TOKENS), TOKENS.clone()
    assert relative(torch.cat([first, second], 1), whole) < 1e-6
    changed[0, cut] = 10
    same = (model(changed)[0] == whole[0]).all(-1)
    assert same[:cut].all()
    assert not same[cut]


def test_initial_weights():
    model, mixer = small(d_model=64, n_layer=4, d_state=16, vocab_size=27)
    assert mixer.config.rank == 4
    assert torch.allclose(mixer.A, -torch.arange(1.0, 17).double().expand(128, 16))
    assert torch.equal(mixer.D, torch.ones_like(mixer.D))
    steps = softplus(mixer.dt_proj.bias)
    assert 1e-3 * 0.999 <= steps.min() < 2e-3 < 0.05 < steps.max() <= 0.1 * 1.001
    assert mixer.dt_proj.weight.abs().max() <= 4**-0.5
    assert mixer.out_proj.weight.abs().max() <= 1 / math.sqrt(128) / math.sqrt(4)
    assert 0.015 < model.backbone.embedding.weight.std() < 0.025
    assert model.backbone.embedding.weight.shape == (32, 64)  # 27 padded to a multiple of 8
    assert model.lm_head.weight is model.backbone.embedding.weight
    assert model(TOKENS).shape == (2, 9, 27)
    assert 1 < sum(p.numel() for p in mixer.parameters()) / (3 * 2 * 64**2) < 1.4
    floored = softplus(small(dt_min=1e-9, dt_max=1e-8)[1].step_bias)
    assert torch.allclose(floored, floored.new_tensor(1e-4), rtol=1e-3)
    expected = torch.complex(torch.full((3,), -0.5), math.pi * torch.arange(3.0))
    assert torch.allclose(small(complex_states=True)[1].A.cfloat(), expected.expand(16, 3))


@pytest.mark.parametrize("selective", PARTS)
def test_what_is_exempt_from_weight_decay(selective):
    model, mixer = small(selective=selective)
    decayed, exempt = decay_groups(model, 0.1)
    names = {id(p): name for name, p in model.named_parameters()}
    last = {re.sub(r"backbone.(layers.\d.)?(mixer.)?", "", names[id(p)]) for p in exempt["params"]}
    step_bias = "dt_proj.bias" if "delta" in selective else "dt_bias"
    vectors = {"conv1d.bias", "norm.weight", "norm_f.weight"}
    assert last == {"A_log", "D", step_bias} | ({"B", "C"} - set(selective)) | vectors
    assert (decayed["weight_decay"], exempt["weight_decay"]) == (0.1, 0.0)
    assert len(decayed["params"]) + len(exempt["params"]) == len(names)
    assert hasattr(mixer, "x_proj") == bool(selective)


@pytest.mark.parametrize("architecture", ["mamba", "ungated", "h3"])
def test_step_sizes_are_those_the_scan_is_given(architecture, monkeypatch):
    """What reaches the scan, after bias and softplus, in every layer."""
    spy = MagicMock(wraps=mamba.block.selective_scan)
    model, _ = small(architecture=architecture)
    found = scores.step_sizes(model, TOKENS)
    monkeypatch.setattr(mamba.block, "selective_scan", spy)
    model(TOKENS)
    given = [softplus(call.args[1] + call.args[7]) for call in spy.call_args_list]
    assert len(found) == len(given) == 2
    assert all(map(torch.equal, found, given))
    model, _ = small(selective=("B", "C"), architecture=architecture)
    assert all((steps == steps[:, :1]).all() for steps in scores.step_sizes(model, TOKENS))


def test_generation_uses_constant_memory_and_training_keeps_no_states():
    model = small()[0].float()
    short, long = (scores.generate(model, TOKENS[:, :3], n) for n in (2, 50))
    assert short.state_bytes == long.state_bytes == 4 * 2 * 2 * 16 * (3 + 3)  # inner, N + window
    assert torch.equal(short.tokens, long.tokens[:, :2])
    assert scores.generate(model, TOKENS, 0).tokens.shape == (2, 0)
    greedy = [scores.generate(model, TOKENS, 5, temperature=0, seed=k).tokens for k in (0, 9)]
    assert torch.equal(*greedy)
    v, sizes = torch.randn(1, 256, 32), [mamba.MambaConfig(32, method=m) for m in ("loop", "auto")]
    loop, auto = (saved_tensors(lambda s=s: mamba.MambaBlock(s)(v)).bytes for s in sizes)
    assert loop > 5 * auto


def test_bad_configurations_and_tokens():
    model, _ = small()
    for call, words in (
        (lambda: small(d_model=0), "d_model must be at least 1, got 0"),
        (lambda: small(dt_rank=0), "dt_rank must be at least 1, got 0"),
        (lambda: small(dt_min=0.2), "dt_min must be at most 0.1, got 0.2"),
        (lambda: small(selective=("A",)), "each of selective must be one of"),
        (lambda: small(architecture="rnn"), "architecture must be one of"),
        (lambda: model(TOKENS[0]), "tokens must have the shape .b, L."),
        (lambda: model.step(TOKENS, model.first_states(2)), "tokens must have the shape .b,."),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def copying(names, length):
    """Return the shares of right letters at a length, a list of seeds for each name."""
    return [[run["scores"]["lengths"][str(length)] for run in mamba.logs(f"copying-{name}")]
            for name in names]  # fmt: skip


def test_an_untrained_model_scores_no_better_than_guessing():
    task = SelectiveCopying()
    found = scores.accuracy(mamba.MambaLM(recipe("copying-s6").config), task, rows=200)
    assert found.row <= found.token < task.chance + 0.05
    model = mamba.MambaLM(recipe("text-lti").config)
    torch.nn.init.zeros_(model.backbone.embedding.weight)
    assert scores.bits_per_character(model) == pytest.approx(np.log2(27), abs=1e-4)
    assert [scores.curve_rows(n) for n in (1, 1024, 8192, 2**14, 2**17)] == [256] * 3 + [128, 64]


def test_plans_tasks_losses_and_scores_and_that_mixed_lengths_keep_the_tokens(monkeypatch):
    flat, cosine = recipe("copying-s6").plan, recipe("induction").plan
    assert flat.rate_at(1999) == flat.rate == cosine.rate
    assert cosine.rate_at(cosine.steps) == pytest.approx(cosine.rate / 10)
    batch = runs.Text(20).draw(5, np.random.default_rng(0))
    assert (batch.inputs[:, 1:] == batch.targets[:, :-1]).all()
    assert runs.Text().inputs == len(pydoc_text.SYMBOLS)
    chosen = replace(recipe("induction"), lengths=(16, 256))
    drawn = [runs.draw(chosen, np.random.default_rng(step)).inputs.shape for step in range(30)]
    assert all(16 <= n <= 256 and abs(rows * n - 32 * 64) <= n for rows, n in drawn)
    assert len({n for _, n in drawn}) > 20
    short = replace(recipe("copying-lti"), task=SelectiveCopying(6, 1, 2), tested=(6, 8), batch=4)
    monkeypatch.setitem(RECIPES, "copying-lti", short)
    model = RUNS.build("copying-lti", 0)
    loss, right = runs._loss("copying-lti")(model, np.random.default_rng(0), 0)
    assert loss.isfinite()
    assert 0 <= right["right"] <= 1
    assert list(runs.score(model, "copying-lti")["lengths"]) == ["6", "8"]
    with pytest.raises(ValueError, match="expected one of copying-lti"):
        recipe("nonsense")


def test_shipped_files_are_whole_and_small():
    assert all(path.stat().st_size < 1_500_000 for path in RUNS.folder.glob("*.safetensors"))
    for path in RUNS.folder.glob("*.json"):
        record = json.loads(path.read_text())
        assert path.stem == f"{record['recipe']}-{record['seed']}"
        assert record["steps"] == recipe(record["recipe"]).plan.steps == record["curve"][-1]["step"]


@pytest.mark.parametrize("name", RUNS.names())
def test_shipped_weights_score_what_their_log_says(name):
    stem, seed = name.rsplit("-", 1)
    model, logged = mamba.load(stem, int(seed)), mamba.log(stem, int(seed))["scores"]
    if "bits" in logged:
        assert scores.bits_per_character(model) == pytest.approx(logged["bits"], abs=2e-3)
        return
    task, length = recipe(stem).task, 96 if "copying" in stem else 128
    share = scores.accuracy(model, task, rows=128).token
    assert share == pytest.approx(logged["token"], abs=0.02)
    (share,) = scores.length_curve(model, task, [length])
    assert share == pytest.approx(logged["lengths"][str(length)], abs=5e-3)


def test_selection_carries_over_and_a_filter_does_not_and_the_step_size_is_what_does_it():
    """The findings of the page, from the logs of up to three seeds each."""
    for s6, lti in (("s6", "lti"), ("s6-ungated", "lti-ungated")):
        (near,), (far,) = copying([s6], 24), copying([lti], 24)
        assert len(near) == len(far) == 3
        assert min(near) > max(far)
        assert np.min(copying([s6], 48)) > 0.9
        assert np.max(copying([lti], 192)) < 0.25
    having, lacking = ("delta", "delta-b", "delta-c", "s6"), ("lti", "b", "c", "b-c")
    assert min(map(min, copying(having, 192))) > max(map(max, copying(lacking, 192)))
    assert max(map(np.mean, copying(lacking, 384))) < 0.25
    assert np.argmin([np.mean(seeds) for seeds in copying(lacking, 24)]) == 0
    forms = ("s6-h3", "s6-ungated", "s6-states-1", "s6-states-4", "s6-rank-1", "s6-rank-8")
    assert min(map(np.mean, copying(forms, 96))) > 0.9
    assert np.mean(copying(["lti-h3"], 96)) < 0.4
    low, high = copying(("s6-rank-1", "s6-rank-8"), 384)
    assert [one < other for one, other in zip(low, high, strict=True)][:2] == [True, False]


def test_induction_curves_are_as_told_and_distance_is_what_a_state_forgets_by():
    one, mixed, lti = ({int(n): share for n, share in mamba.log(name)["scores"]["lengths"].items()}
                       for name in ("induction", "induction-mixed", "induction-lti"))  # fmt: skip
    assert list(one) == [2**k for k in range(4, 18)] == list(mixed) == list(lti)
    assert min(one[2**k] for k in range(4, 11)) == 1.0
    assert min(mixed[2**k] for k in range(4, 13)) > 0.99
    assert max(one[16384], mixed[16384]) < 0.75
    assert all(mixed[2**k] > one[2**k] for k in range(11, 15))
    assert max(share for n, share in lti.items() if n != 64) < 0.2 < lti[64] < 0.5
    shipped = records.records.read("distances")
    assert all(one["64"] == 1.0 and one["8000"] < 0.8 for one in shipped.values())


def test_on_this_text_selection_makes_no_difference_and_ngrams_are_distributions():
    s6, lti = (mamba.log(f"text-{name}")["scores"]["bits"] for name in ("s6", "lti"))
    assert abs(s6 - lti) < 0.02
    assert abs(s6 - scores.ngram_bits(4)) < 0.02
    none, one, two = map(scores.ngram_bits, range(3))
    shipped = records.records.read("contexts")
    assert [one, two] == pytest.approx([shipped[k]["test"] for k in "12"], abs=1e-5)
    assert two < one < none == pytest.approx(4.074, abs=0.01)
    train, total = pydoc_text.load("train"), 0.0
    for character in range(27):
        share = scores._interpolate(np.full(1, 1 / 27), train, np.array([character]), 0)
        total += scores._interpolate(share, train, np.append(train[:1], character), 1)[0]
    assert total == pytest.approx(1)

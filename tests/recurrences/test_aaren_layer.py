"""Prefix attention in torch, the fused kernel, the two layers and the model around them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from paralg.core.primitives import AFFINE, scan  # noqa: E402
from paralg.recurrences.aaren import peers, schedules, theory  # noqa: E402
from paralg.recurrences.aaren.attention import (  # noqa: E402
    METHODS,
    first_state,
    prefix_attention,
)
from paralg.recurrences.aaren.layer import Aaren, CausalAttention  # noqa: E402
from paralg.recurrences.aaren.model import (  # noqa: E402
    Block,
    SequenceModel,
    Shape,
    block_parameters,
)
from paralg.sequence.state import state_bytes  # noqa: E402

OURS = METHODS[1:]
LENGTHS = (1, 2, 3, 4, 5, 8, 33)


def operands(b, n, h, d, dtype=torch.float64, seed=0):
    random = torch.Generator().manual_seed(seed + n)
    scores = 3 * torch.randn(b, n, h, generator=random, dtype=dtype)
    return scores, torch.randn(b, n, h, d, generator=random, dtype=dtype)


def all_at_once(scores, values):
    """The oracle: a matrix of weights, double precision."""
    return peers.dense(scores.double(), values.double())


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("method", OURS)
def test_every_method_is_causal_softmax(method, n):
    scores, values = operands(2, n, 3, 4)
    outputs, (m, u, w) = prefix_attention(scores, values, method=method, block=4)
    torch.testing.assert_close(outputs, all_at_once(scores, values), rtol=0, atol=1e-12)
    torch.testing.assert_close(m, scores.amax(1))
    torch.testing.assert_close(w / u[..., None], outputs[:, -1])


@pytest.mark.parametrize("n", LENGTHS)
def test_the_fused_kernel_is_the_scan_of_the_core(n):
    scores, values = operands(1, n, 2, 3)
    outputs, _ = prefix_attention(scores, values, method="compiled")
    core = schedules.prefixes(scores[0].numpy(), values[0].numpy(), method="brent-kung")
    np.testing.assert_allclose(outputs[0].numpy(), core.outputs, atol=1e-12)
    g = theory.gates(scores[0, :, 0].numpy())[:, None]
    maps = scan(AFFINE, (1 - g, g * values[0, :, 0].numpy()), method="kogge-stone").values[1]
    np.testing.assert_allclose(outputs[0, :, 0].numpy(), maps, atol=1e-12)


def test_it_is_torchs_attention_with_the_query_repeated():
    random = torch.Generator().manual_seed(1)
    query = torch.randn(3, 8, generator=random, dtype=torch.float64)
    keys, values = torch.randn(2, 2, 21, 3, 8, generator=random, dtype=torch.float64)
    scores = (keys * query).sum(-1) / 8**0.5
    outputs, _ = prefix_attention(scores, values)
    expected = peers.repeated_query(query, keys, values)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(peers.signed_logs(scores, values), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", OURS)
def test_a_state_carries_over_and_masks_are_identities(method):
    scores, values = operands(2, 20, 3, 4)
    whole, end = prefix_attention(scores, values, method=method, block=8)
    first, state = prefix_attention(scores[:, :9], values[:, :9], method=method, block=8)
    rest, last = prefix_attention(
        scores[:, 9:], values[:, 9:], state=state, method=method, block=8
    )
    torch.testing.assert_close(torch.cat([first, rest], 1), whole, rtol=0, atol=1e-12)
    for a, b in zip(last, end, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    mask = torch.rand(2, 20, generator=torch.Generator().manual_seed(3)) < 0.5
    mask[0, :3] = False
    masked, _ = prefix_attention(scores, values, mask, method=method, block=8)
    assert torch.isfinite(masked).all()
    assert (masked[0, :3] == 0).all()
    for b in range(2):
        kept, _ = prefix_attention(scores[b : b + 1, mask[b]], values[b : b + 1, mask[b]])
        torch.testing.assert_close(masked[b, mask[b]], kept[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", OURS)
def test_gradients_equal_those_of_the_matrix_also_with_ties_and_masks(method):
    scores, values = operands(2, 9, 2, 3)
    scores = scores.round()  # ties
    g = torch.randn(2, 9, 2, 3, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    leaf = [x.clone().requires_grad_() for x in (scores, values)]
    outputs, _ = prefix_attention(*leaf, method=method, block=4)
    found = torch.autograd.grad(outputs, leaf, g)
    oracle = [x.clone().requires_grad_() for x in (scores, values)]
    expected = torch.autograd.grad(peers.dense(*oracle), oracle, g)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[0, :2] = mask[1, 4] = mask[:, 8] = False
    outputs, _ = prefix_attention(*leaf, mask, method=method, block=4)
    ds, dv = torch.autograd.grad(outputs, leaf, g)
    assert torch.isfinite(ds).all()
    assert torch.isfinite(dv).all()
    assert (ds[~mask] == 0).all()
    assert (dv[~mask] == 0).all()


def test_a_gradient_flows_into_a_state_that_asks_for_it():
    scores, values = operands(2, 9, 2, 3)
    _, state = prefix_attention(scores[:, :4], values[:, :4])
    state = [part.clone().requires_grad_() for part in state]
    outputs, _ = prefix_attention(scores[:, 4:], values[:, 4:], state=tuple(state))
    du, dw = torch.autograd.grad(outputs.sum(), state[1:])
    assert (du != 0).all()
    assert (dw > 0).all()
    alone, _ = prefix_attention(scores[:, 4:], values[:, 4:], state=tuple(state), method="compiled")
    torch.testing.assert_close(alone, outputs.detach(), rtol=0, atol=1e-12)
    assert not alone.requires_grad


def test_the_kernels_gradient_passes_the_difference_test():
    scores, values = (x.requires_grad_() for x in operands(2, 6, 2, 3))
    assert torch.autograd.gradcheck(lambda *x: prefix_attention(*x, method="compiled")[0],
                                    (scores, values))  # fmt: skip


@pytest.mark.parametrize("method", OURS)
def test_extreme_scores_in_single_precision(method):
    scores = torch.tensor([1e4, -1e4, 3e3, 1e4]).view(1, 4, 1).requires_grad_()
    values = torch.arange(4.0).view(1, 4, 1, 1).requires_grad_()
    outputs, _ = prefix_attention(scores, values, method=method)
    assert outputs.flatten().tolist() == [0, 0, 0, 1.5]
    grads = torch.autograd.grad(outputs.sum(), (scores, values))
    assert all(torch.isfinite(part).all() for part in grads)


@pytest.mark.parametrize("method", ["compiled", "blocks", "kogge-stone"])
def test_single_precision_stays_near_double_on_long_sequences(method):
    scores, values = operands(1, 5000, 2, 4, torch.float32)
    outputs, _ = prefix_attention(scores, values, method=method)
    exact, _ = prefix_attention(scores.double(), values.double())
    assert (outputs - exact).abs().max() < 2e-5


def test_half_precision_and_no_tokens():
    scores, values = operands(1, 7, 2, 3)
    outputs, _ = prefix_attention(scores.bfloat16(), values.bfloat16())
    assert outputs.dtype == torch.bfloat16
    assert (outputs - all_at_once(scores, values)).abs().max() < 0.05
    for method in OURS:
        outputs, state = prefix_attention(scores[:, :0], values[:, :0], method=method)
        assert outputs.shape == (1, 0, 2, 3)
        assert torch.isneginf(state[0]).all()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"method": "tree"}, ValueError, "method must be one of"),
        ({"block": 0}, ValueError, "block must be at least 1, got 0"),
        ({"scores": torch.zeros(1, 3, 5)}, ValueError, r"got \(1, 3, 5\) and \(1, 4, 2, 3\)"),
        ({"scores": torch.zeros(1, 4, 2).double()}, TypeError, "float64 and torch.float32"),
        ({"mask": torch.ones(1, 4)}, ValueError, r"mask must be bool of shape \(1, 4\)"),
        ({"state": first_state(1, 2, 5)}, ValueError, r"got \[\(1, 2\), \(1, 2\), \(1, 2, 5\)\]"),
    ],
)
def test_errors_say_what_was_expected(change, kind, words):
    given = {"scores": torch.zeros(1, 4, 2), "values": torch.zeros(1, 4, 2, 3)} | change
    with pytest.raises(kind, match=words):
        prefix_attention(**given)


def test_the_kernel_refuses_what_it_cannot_do():
    half = torch.zeros(1, 4, 2).half(), torch.zeros(1, 4, 2, 3).half()
    with pytest.raises(ValueError, match="expects float32 or float64 on the CPU, got"):
        prefix_attention(*half, method="compiled")


def test_the_layer_is_multi_head_attention_of_its_query():
    torch.manual_seed(0)
    layer = Aaren(16, 4).double()
    x = torch.randn(2, 9, 16, dtype=torch.float64)
    query = layer.split(layer.to_query(layer.query))
    keys, values = layer.split(layer.to_key(x)), layer.split(layer.to_value(x))
    mixed = peers.repeated_query(query, keys, values)
    torch.testing.assert_close(layer(x), layer.out(mixed.flatten(2)), rtol=0, atol=1e-12)


def test_scores_follow_the_parameters_when_they_change():
    torch.manual_seed(0)
    layer, x = Aaren(16, 4), torch.randn(1, 5, 16)
    with torch.no_grad():
        before = layer(x)
        assert layer.folded()[0] is layer.folded()[0]
        layer.to_key.weight.mul_(2)
        changed = layer(x)
        layer.load_state_dict(Aaren(16, 4).state_dict())
        other = layer(x)
    assert not torch.allclose(before, changed)
    assert not torch.allclose(changed, other)
    torch.testing.assert_close(layer(x), other)  # as in training, where nothing is kept
    assert layer.double()(x.double()).dtype == torch.float64


def test_the_bias_of_the_keys_has_no_effect():
    torch.manual_seed(0)
    layer = Aaren(16, 4).double()
    x = torch.randn(2, 9, 16, dtype=torch.float64)
    grads = torch.autograd.grad(layer(x).square().sum(), [layer.to_key.bias, layer.query])
    assert grads[0].abs().max() < 1e-12 < grads[1].abs().max()


@pytest.mark.parametrize("kind", ["aaren", "transformer"])
@pytest.mark.parametrize("n", [1, 2, 37])
def test_a_model_says_the_same_at_once_and_token_by_token(kind, n):
    model = SequenceModel(Shape(3, 5, kind, width=32), seed=1).double().eval()
    x = torch.randn(2, n, 3, dtype=torch.float64)
    with torch.no_grad():
        whole, stream = model(x), model.begin(2)
        stream = type(stream)(0, tuple(block.layer.begin(2) for block in model.blocks))
        for t in range(n):
            said, stream = model.step(x[:, t], stream)
            torch.testing.assert_close(said, whole[:, t], rtol=0, atol=1e-10)
    changed = x.clone()
    changed[:, n // 2 :] += 1
    torch.testing.assert_close(model(changed)[:, : n // 2], whole[:, : n // 2], rtol=0, atol=1e-12)


def test_what_is_kept_is_what_the_chapter_counts():
    for kind in ("aaren", "transformer"):
        model = SequenceModel(Shape(3, 5, kind, width=32, heads=4)).eval()
        stream = model.begin(1)
        with torch.no_grad():
            for count in range(1, 41):
                _, stream = model.step(torch.randn(1, 3), stream)
                numbers = theory.state_numbers(kind, 32, 4, count)
                assert stream.nbytes == 2 * 4 * numbers
                assert state_bytes(stream.states[0]) == 4 * numbers


@pytest.mark.parametrize("kind", ["aaren", "transformer"])
@pytest.mark.parametrize("width", [16, 64, 512])
def test_parameters_are_the_papers(kind, width):
    block = Block(kind, width, 4)
    assert sum(part.numel() for part in block.parameters()) == block_parameters(kind, width)
    assert block_parameters("transformer", 512) == 3_152_384
    assert block_parameters("aaren", 512) == 3_152_896


@pytest.mark.parametrize("kind", ["aaren", "transformer"])
def test_padding_at_the_end_changes_nothing_and_masks_work(kind):
    model = SequenceModel(Shape(3, 5, kind, width=32)).eval()
    x = torch.randn(1, 12, 3)
    mask = torch.tensor([[True] * 9 + [False] * 3])
    with torch.no_grad():
        torch.testing.assert_close(model(x, mask)[:, :9], model(x[:, :9]), rtol=0, atol=1e-5)
        assert torch.isfinite(model(x, ~mask)).all()


def test_blocks_of_a_stream_equal_the_layer():
    torch.manual_seed(0)
    layer, x = Aaren(16, 2).double(), torch.randn(2, 23, 16, dtype=torch.float64)
    state, parts = layer.begin(2), []
    state = tuple(part.double() for part in state)
    for start in range(0, 23, 5):
        part, state = layer.extend(x[:, start : start + 5], state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, 1), layer(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Aaren(10, 3), "width must be a multiple of heads, got 10 and 3"),
        (lambda: CausalAttention(8, 0), "got 8 and 0"),
        (lambda: Shape(1, 1, "rnn"), "kind must be one of"),
        (lambda: Shape(0, 1), "inputs must be at least 1, got 0"),
        (lambda: block_parameters("rnn", 8), "got 'rnn'"),
    ],
)
def test_layers_refuse_what_does_not_fit(make, words):
    with pytest.raises(ValueError, match=words):
        make()

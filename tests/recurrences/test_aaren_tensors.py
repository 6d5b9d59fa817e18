"""Prefix attention in torch, the fused kernel, the two layers and the model around them."""
# ruff: noqa: E402

import pytest

torch = pytest.importorskip("torch")

from paralg.recurrences.aaren import Aaren, AarenConfig, attention, build_model, theory
from paralg.recurrences.aaren.attention import METHODS
from paralg.recurrences.aaren.experiments import peers
from paralg.recurrences.aaren.fast.prefix import first_state, prefix_attention
from paralg.sequence import CausalAttention
from tests.near import assert_close

OURS = METHODS[1:]
every_method = pytest.mark.parametrize("method", OURS)


def near(got, expected, tolerance=1e-12):
    assert_close(got, expected, rtol=0, atol=tolerance)


def drawn(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)), dtype=dtype)


def operands(b, n, h, d, dtype=torch.float64):
    return 3 * drawn(b, n, h, dtype=dtype), drawn(b, n, h, d, dtype=dtype)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 33])
def test_every_method_is_causal_softmax_and_the_scan_of_the_core(n):
    scores, values = operands(2, n, 3, 4)
    exact = peers.dense(scores, values)
    for method in OURS:
        outputs, (m, u, w) = prefix_attention(scores, values, method=method, block=4)
        near(outputs, exact)
        assert_close((m, w / u[..., None]), (scores.amax(1), outputs[:, -1]))
    core = attention.prefixes(scores[0].numpy(), values[0].numpy(), method="brent-kung")
    near(exact[0], torch.from_numpy(core.outputs))


@every_method
def test_a_state_carries_over_and_masks_are_identities(method):
    scores, values = operands(2, 20, 3, 4)
    how = {"method": method, "block": 8}
    whole, end = prefix_attention(scores, values, **how)
    first, state = prefix_attention(scores[:, :9], values[:, :9], **how)
    rest, last = prefix_attention(scores[:, 9:], values[:, 9:], state=state, **how)
    near(torch.cat([first, rest], 1), whole)
    assert_close(last, end, rtol=1e-12, atol=1e-12)
    mask = drawn(2, 20) < 0
    mask[0, :3] = False
    masked, _ = prefix_attention(scores, values, mask, **how)
    assert (masked[0, :3] == 0).all()
    for b in range(2):
        kept, _ = prefix_attention(scores[b : b + 1, mask[b]], values[b : b + 1, mask[b]])
        near(masked[b, mask[b]], kept[0])


@every_method
def test_gradients_equal_those_of_the_matrix_also_with_ties_and_masks(method):
    scores, values = operands(2, 9, 2, 3)
    scores, g = scores.round(), values.flip(1)  # ties
    leaf, oracle = ([x.clone().requires_grad_() for x in (scores, values)] for _ in range(2))
    outputs, _ = prefix_attention(*leaf, method=method, block=4)
    found = torch.autograd.grad(outputs, leaf, g)
    near(found, torch.autograd.grad(peers.dense(*oracle), oracle, g), 1e-11)
    if method == "compiled":
        assert torch.autograd.gradcheck(lambda *x: prefix_attention(*x, method=method)[0], leaf)
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[0, :2] = mask[1, 4] = mask[:, 8] = False
    outputs, _ = prefix_attention(*leaf, mask, method=method, block=4)
    for gradient in torch.autograd.grad(outputs, leaf, g):
        assert torch.isfinite(gradient).all()
        assert (gradient[~mask] == 0).all()


def test_a_gradient_flows_into_a_state_that_asks_for_it():
    scores, values = operands(2, 9, 2, 3)
    _, state = prefix_attention(scores[:, :4], values[:, :4])
    state = tuple(part.clone().requires_grad_() for part in state)
    outputs, _ = prefix_attention(scores[:, 4:], values[:, 4:], state=state)
    assert all((part != 0).all() for part in torch.autograd.grad(outputs.sum(), state[1:]))
    alone, _ = prefix_attention(scores[:, 4:], values[:, 4:], state=state, method="compiled")
    near(alone, outputs.detach())
    assert not alone.requires_grad
    short = tuple(part.detach().float() for part in state)  # of another type than the values
    near(prefix_attention(scores[:, 4:], values[:, 4:], state=short)[0], alone, 1e-6)


@every_method
def test_single_precision_with_extreme_scores_and_on_long_sequences(method):
    scores = torch.tensor([1e4, -1e4, 3e3, 1e4]).view(1, 4, 1).requires_grad_()
    values = torch.arange(4.0).view(1, 4, 1, 1).requires_grad_()
    outputs, _ = prefix_attention(scores, values, method=method)
    assert outputs.flatten().tolist() == [0, 0, 0, 1.5]
    grads = torch.autograd.grad(outputs.sum(), (scores, values))
    assert all(torch.isfinite(part).all() for part in grads)
    scores, values = operands(1, 5000 if method != "loop" else 500, 2, 4, torch.float32)
    exact, _ = prefix_attention(scores.double(), values.double())
    assert (prefix_attention(scores, values, method=method)[0] - exact).abs().max() < 2e-5


def test_half_precision_no_tokens_and_memory_in_another_order():
    scores, values = operands(1, 7, 2, 3)
    outputs, _ = prefix_attention(scores.bfloat16(), values.bfloat16())
    assert outputs.dtype == torch.bfloat16
    assert (outputs - peers.dense(scores, values)).abs().max() < 0.05
    for method in OURS:
        outputs, state = prefix_attention(scores[:, :0], values[:, :0], method=method)
        assert outputs.shape == (1, 0, 2, 3)
        assert torch.isneginf(state[0]).all()
    turned = values.transpose(1, 3).contiguous().transpose(1, 3).requires_grad_()
    outputs, _ = prefix_attention(scores, turned, method="compiled")
    near(outputs, peers.dense(scores, values))
    ones = outputs.new_ones(3).expand_as(outputs)  # neither is in order
    near(torch.autograd.grad(outputs, turned, ones)[0].sum(), outputs.new_tensor(42.0))


def changed(**change):
    given = {"scores": torch.zeros(1, 4, 2), "values": torch.zeros(1, 4, 2, 3)} | change
    return lambda: prefix_attention(**given)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (changed(method="tree"), ValueError, "method must be one of"),
        (changed(block=0), ValueError, "block must be at least 1, got 0"),
        (changed(scores=torch.zeros(1, 3, 5)), ValueError, r"scores must have the shape"),
        (changed(scores=torch.zeros(1, 4, 2).double()), TypeError, "of one floating-point"),
        (changed(mask=torch.ones(1, 4)), TypeError, "mask must be booleans"),
        (changed(state=first_state(1, 2, 5)), ValueError, r"numerator .* \(1, 2, 3\), got"),
        (changed(scores=torch.zeros(1, 4, 2).half(), values=torch.zeros(1, 4, 2, 3).half(),
                 method="compiled"), ValueError, "expects float32 or float64 on the CPU, got"),
        (lambda: Aaren(10, 3), ValueError, "width must be a multiple of heads, got 10 and 3"),
        (lambda: CausalAttention(8, 0), ValueError, "heads must be at least 1, got 0"),
        (lambda: AarenConfig(1, 1, "rnn"), ValueError, "kind must be one of"),
        (lambda: AarenConfig(0, 1), ValueError, "inputs must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_errors_say_what_was_expected(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_the_layer_is_multi_head_attention_of_its_query_also_in_blocks():
    torch.manual_seed(0)
    layer, x = Aaren(16, 4).double(), drawn(2, 13, 16)
    query = layer.split(layer.to_query(layer.query))
    keys, values = layer.split(layer.to_key(x)), layer.split(layer.to_value(x))
    expected = peers.repeated_query(query, keys, values)
    near(layer(x), layer.out(expected.flatten(2)))
    near(peers.signed_logs(layer.scores(x), values), expected, 1e-9)
    grads = torch.autograd.grad(layer(x).square().sum(), [layer.to_key.bias, layer.query])
    assert grads[0].abs().max() < 1e-12 < grads[1].abs().max()  # the keys' bias has no effect
    first, state = layer.extend(x[:, :5], layer.begin(2))
    near(torch.cat([first, layer.extend(x[:, 5:], state)[0]], 1), layer(x))


@torch.no_grad()
def test_scores_follow_the_parameters_when_they_change():
    layer, x = Aaren(16, 4), torch.randn(1, 5, 16)
    first = layer(x)
    assert layer.folded()[0] is layer.folded()[0]
    layer.to_key.weight.mul_(2)
    second = layer(x)
    layer.load_state_dict(Aaren(16, 4).state_dict())
    assert not any(map(torch.allclose, (first, second), (second, layer(x))))
    assert layer.double()(x.double()).dtype == torch.float64


@pytest.mark.parametrize("kind", ["aaren", "transformer"])
def test_a_model_reads_token_by_token_what_is_counted_and_no_padding(kind):
    model, x = build_model(AarenConfig(3, 5, kind, width=32)).eval(), drawn(2, 12, 3).float()
    mask = torch.tensor([[True] * 9 + [False] * 3] * 2)
    with torch.no_grad():
        whole, state = model(x), model.begin(2)
        for t in range(12):
            out, state = model.step(x[:, t], state)
            near(out, whole[:, t], 1e-5)
            assert state.nbytes == 2 * 2 * 4 * theory.state_numbers(kind, 32, 4, t + 1)
        near(model(x, mask=mask)[:, :9], whole[:, :9], 1e-5)
        assert torch.isfinite(model(x, mask=~mask)).all()
    counted = sum(part.numel() for part in model.blocks[0].parameters())
    assert counted == theory.block_parameters(kind, 32)

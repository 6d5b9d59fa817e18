"""On a network: layouts, caches and the margin by which determinism holds."""

import numpy as np
import pytest

from paralg.decoding.freedave import freedave
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.static import static

torch = pytest.importorskip("torch")
from paralg.data import addition  # noqa: E402
from paralg.decoding.adapters import BlockCausalNetwork  # noqa: E402
from paralg.decoding.randomness import softmax  # noqa: E402
from paralg.models import load  # noqa: E402

RULES = [UnmaskingRule(), UnmaskingRule(block=4), UnmaskingRule(block=4, cache="prefix"),
         UnmaskingRule(block=3, cache="dual"),
         UnmaskingRule(order="left-to-right"), UnmaskingRule(tokens=2, block=4, cache="dual"),
         UnmaskingRule(block=4, eos=(addition.END,)),
         UnmaskingRule(block=2, cache="dual", eos=(addition.END,))]  # fmt: skip


@pytest.fixture(scope="module")
def network():
    return load("addition-bidirectional")


@pytest.fixture(scope="module")
def prompts():
    return list(addition.problems(12))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_traces_equal_those_of_static_decoding(network, prompts, rule):
    layouts = ("rows", "tree") if rule.cache else ("rows",)
    for x in prompts:
        slow = static(network, x, rule)
        for d in (1, 2, 4, 8):
            for layout in layouts:
                fast = freedave(network, x, d, rule, layout=layout)
                assert fast.trace == slow.trace, fast.trace.first_difference(slow.trace)


def test_sums_are_right(network, prompts):
    results = [freedave(network, x, 4).tokens for x in prompts]
    assert addition.is_correct(np.stack(results)).all()


@pytest.mark.parametrize("begin, end", [(8, 16), (8, 12), (12, 16)])
def test_tree_logits_are_row_logits(network, prompts, begin, end):
    x = prompts[0]
    _, cache = network.snapshot(x[None])
    rows = np.tile(x, (5, 1))
    rows[np.arange(5), begin + np.arange(5) % (end - begin)] = np.arange(5)
    ask = {"at": np.arange(begin, end), "cache": cache}
    apart, beside = (network.denoise(rows, layout=layout, **ask) for layout in ("rows", "tree"))
    np.testing.assert_allclose(beside, apart, atol=1e-5)


def test_a_dual_cache_is_another_network(network, prompts):
    """Not a rounding difference: committed tokens outside the window are not seen."""
    x = prompts[0]
    _, cache = network.snapshot(x[None])
    later = x.copy()
    later[12:] = addition.END
    window = np.arange(8, 12)
    frozen = network.denoise(later[None], at=window, cache=cache)
    live = network.denoise(later[None], at=window)
    assert np.abs(frozen - live).max() > 1e-3


def test_eager_acceptance_with_a_cache_is_not_lossless(network):
    """The refresh happens at another state than in static decoding."""
    differ = {}
    for cache in (None, "prefix", "dual"):
        rule = UnmaskingRule(block=4, cache=cache)
        differ[cache] = sum(freedave(network, x, 8, rule, eager=True).trace
                            != static(network, x, rule).trace
                            for x in addition.problems(20))  # fmt: skip
    assert differ[None] == 0
    assert differ["prefix"] > 0
    assert differ["dual"] > 0


def test_eager_acceptance_is_lossless_on_a_block_causal_network(network, prompts):
    blind = BlockCausalNetwork(network.double(), block=4, begin=8)
    for x in prompts[:6]:
        live = static(blind, x, UnmaskingRule(block=4)).trace
        for cache in (None, "prefix", "dual"):
            rule = UnmaskingRule(block=4, cache=cache)
            for layout in ("rows", "tree") if cache else ("rows",):
                fast = freedave(blind, x, 6, rule, eager=True, layout=layout)
                assert fast.trace == live, (cache, fast.trace.first_difference(live))


def test_batched_and_single_rows_differ_less_than_the_margins(network, prompts):
    """Determinism is a hypothesis: here it holds with room to spare."""
    states = np.concatenate([static(network, x).trace.states[:-1] for x in prompts])
    together = softmax(network.denoise(states))
    alone = np.concatenate([softmax(network.denoise(s[None])) for s in states])
    noise = np.abs(together - alone).max()
    masked = states == network.V
    best = np.sort(together[masked], axis=-1)
    gap_between_tokens = (best[:, -1] - best[:, -2]).min()
    assert noise < 1e-5
    assert gap_between_tokens > noise
    flips = together.argmax(axis=-1) != alone.argmax(axis=-1)
    assert not flips[masked].any()


def test_float64_batches_agree_to_the_last_digits(network, prompts):
    states = np.concatenate([static(network, x).trace.states[:-1] for x in prompts[:4]])
    double = network.double()
    together = softmax(double.denoise(states))
    alone = np.concatenate([softmax(double.denoise(s[None])) for s in states])
    assert np.abs(together - alone).max() < 1e-12


def test_the_block_causal_network_sees_no_later_block(network, prompts):
    blind = BlockCausalNetwork(network, block=4, begin=8)
    x = prompts[0]
    later = x.copy()
    later[12:] = 3
    ask = {"at": np.arange(8, 12)}
    np.testing.assert_array_equal(blind.denoise(x[None], **ask), blind.denoise(later[None], **ask))
    with pytest.raises(ValueError, match="needs a cache"):
        blind.denoise(x[None], layout="tree")

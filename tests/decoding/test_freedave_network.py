"""On a network: layouts, caches, the margin of determinism; and the chapter's shipped sweeps."""

import numpy as np
import pytest

from paralg.decoding.baselines import static
from paralg.decoding.freedave import freedave
from paralg.decoding.rule import UnmaskingRule

torch = pytest.importorskip("torch")
from paralg.data import addition  # noqa: E402
from paralg.decoding.adapters import BlockCausalNetwork  # noqa: E402
from paralg.decoding.freedave.experiments.records import Noisy, compared, records  # noqa: E402
from paralg.decoding.randomness import softmax  # noqa: E402
from paralg.models import load  # noqa: E402

RULES = [{}, {"block": 4}, {"block": 4, "cache": "prefix"}, {"block": 3, "cache": "dual"},
         {"order": "left-to-right"}, {"tokens": 2, "block": 4, "cache": "dual"},
         {"block": 4, "eos": (addition.END,)},
         {"block": 2, "cache": "dual", "eos": (addition.END,)}]  # fmt: skip


@pytest.fixture(scope="module")
def network():
    return load("addition-bidirectional")


@pytest.fixture(scope="module")
def prompts():
    return list(addition.problems(12))


@pytest.mark.parametrize("how", RULES, ids=str)
def test_traces_equal_those_of_static_decoding(network, prompts, how):
    rule = UnmaskingRule(**how)
    for x, d, layout in zip(prompts, (1, 2, 4, 8), ("rows", "tree") * 2, strict=False):
        slow = static(network, x, rule)
        fast = freedave(network, x, d, rule, layout=layout if rule.cache else "rows")
        assert fast.trace == slow.trace, fast.trace.first_difference(slow.trace)


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
    """Not a rounding difference: committed tokens outside the window are not visible."""
    later, window = prompts[0].copy(), np.arange(8, 12)
    _, cache = network.snapshot(later[None])
    later[12:] = addition.END
    frozen, live = (network.denoise(later[None], at=window, cache=c) for c in (cache, None))
    assert np.abs(frozen - live).max() > 1e-3


def test_eager_acceptance_is_lossless_on_a_block_causal_network(network, prompts):
    blind = BlockCausalNetwork(network.double(), block=4, begin=8)
    x = prompts[0]
    live = static(blind, x, UnmaskingRule(block=4)).trace
    for cache, layout in ((None, "rows"), ("prefix", "rows"), ("prefix", "tree"), ("dual", "tree")):
        rule = UnmaskingRule(block=4, cache=cache)
        fast = freedave(blind, x, 6, rule, eager=True, layout=layout)
        assert fast.trace == live, (cache, fast.trace.first_difference(live))


def test_the_block_causal_network_sees_no_later_block(network, prompts):
    blind = BlockCausalNetwork(network, block=4, begin=8)
    x, later = prompts[0], prompts[0].copy()
    later[12:] = 3
    ask = {"at": np.arange(8, 12)}
    np.testing.assert_array_equal(blind.denoise(x[None], **ask), blind.denoise(later[None], **ask))
    with pytest.raises(ValueError, match="needs a cache"):
        blind.denoise(x[None], layout="tree")


def test_batched_and_single_rows_differ_less_than_the_margins(network, prompts):
    """Determinism is a hypothesis: here it holds with room to spare, in float64 to 1e-12."""
    states = np.concatenate([static(network, x).trace.states[:-1] for x in prompts[:4]])
    for model, most in ((network, 1e-5), (network.double(), 1e-12)):
        together = softmax(model.denoise(states))
        alone = np.concatenate([softmax(model.denoise(s[None])) for s in states])
        noise, masked = np.abs(together - alone).max(), states == network.V
        best = np.sort(together[masked], axis=-1)
        assert noise < most
        assert (best[:, -1] - best[:, -2]).min() > noise
        assert not (together.argmax(axis=-1) != alone.argmax(axis=-1))[masked].any()


# ---- the shipped sweeps say what the page says


def every(name):
    """Return the comparisons of a record whose entries are groups of them."""
    return {(label, run): e for label, entry in records.read(name).items()
            for run, e in entry.items()}  # fmt: skip


def test_a_record_is_what_a_run_gives(network, prompts):
    runs = [static(network, x) for x in prompts]
    fast = [freedave(network, x, 4) for x in prompts]
    assert addition.is_correct(np.stack([run.tokens for run in fast])).all()
    one, shipped = compared(fast, runs), records.read("networks")
    assert one["equal"] == one["of"] == 12
    assert one["tokens"] == 1.0
    want = shipped["addition: FreeDave d = 4"]["forwards"]
    assert one["forwards"] == pytest.approx(want, abs=0.3)
    assert compared(runs, runs)["forwards"] == shipped["addition: static"]["forwards"] == 8


def test_freedave_is_lossless_in_every_sweep():
    found = [e for key, e in records.read("networks").items() if "FreeDave" in key]
    for name in ("caches", "eager", "rules"):
        found += [e for (_, run), e in every(name).items() if run == "FreeDave"]
    found += [e for (_, run), e in every("plus_plus").items() if run == "exact_match"]
    assert len(found) > 20
    assert all(e["equal"] == e["of"] for e in found)


def test_what_gives_the_guarantee_up():
    eager, plus, caches = every("eager"), every("plus_plus"), every("caches")
    assert eager["no cache", "eager"]["equal"] == 20
    assert all(eager[cache, "eager"]["equal"] < 20 for cache in ("prefix", "dual"))
    assert plus["Sudoku, τ = 0.9", "subset"]["equal"] == 50
    assert plus["Sudoku, τ = 0.6", "subset"]["equal"] == 49
    assert caches["dual, rows", "static"]["equal"] == 0
    for tau in (0.9, 0.6):
        runs = {run: e["forwards"] for (label, run), e in plus.items() if label.endswith(f"{tau}")
                and "Sudoku" in label}  # fmt: skip
        assert runs["subset"] < min(runs["threshold"], runs["FreeDave"])


def test_noise_of_the_logits_breaks_the_traces_when_it_is_large(network, prompts):
    noisy, x = Noisy(network, 0.5), prompts[0][None]
    assert np.abs(noisy.denoise(x) - network.denoise(x)).max() > 0.1
    np.testing.assert_array_equal(Noisy(network, 0).denoise(x), network.denoise(x))
    counts = [entry["tables"]["equal"] for entry in records.read("noise").values()]
    assert counts == sorted(counts, reverse=True)
    assert counts[:2] == [20, 20]
    assert counts[-1] < 5

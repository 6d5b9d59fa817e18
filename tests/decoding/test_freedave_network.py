"""On a network: layouts, caches, the margin of determinism; and the chapter's shipped sweeps."""

import numpy as np
import pytest

from benchmarks._common import read
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


PROMPTS = list(addition.problems(12))


@pytest.mark.parametrize("how", RULES, ids=str)
def test_traces_equal_those_of_static_decoding(network, how):
    rule = UnmaskingRule(**how)
    for x, d, layout in zip(PROMPTS, (1, 2, 4, 8), ("rows", "tree") * 2, strict=False):
        slow = static(network, x, rule)
        fast = freedave(network, x, d, rule, layout=layout if rule.cache else "rows")
        assert fast.trace == slow.trace, fast.trace.first_difference(slow.trace)


def test_eager_acceptance_is_lossless_on_a_block_causal_network(network):
    blind = BlockCausalNetwork(network.double(), block=4, begin=8)
    x = PROMPTS[0]
    live = static(blind, x, UnmaskingRule(block=4)).trace
    for cache, layout in ((None, "rows"), ("prefix", "rows"), ("prefix", "tree"), ("dual", "tree")):
        rule = UnmaskingRule(block=4, cache=cache)
        fast = freedave(blind, x, 6, rule, eager=True, layout=layout)
        assert fast.trace == live, (cache, fast.trace.first_difference(live))


def test_batched_and_single_rows_differ_less_than_the_margins(network):
    states = np.concatenate([static(network, x).trace.states[:-1] for x in PROMPTS[:4]])
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


def test_a_record_is_what_a_run_gives(network):
    slow, fast = ([decode(network, x) for x in PROMPTS] for decode in (static, freedave))
    assert addition.is_correct(np.stack([run.tokens for run in fast])).all()
    found, shipped = compared(fast, slow), records.read("networks")
    assert (found["equal"], found["of"], found["tokens"]) == (12, 12, 1.0)
    forwards = [shipped[f"addition: {how}"]["forwards"] for how in ("static", "FreeDave d = 4")]
    assert forwards == [8, 3.5]
    assert abs(found["forwards"] - forwards[1]) < 0.3


def test_on_text_it_takes_almost_twice_as_long():
    seconds = {(r["bench"], r["method"]): r["seconds"] for r in read("freedave")["rows"]}
    bench = "text, block of 32"
    assert 1.7 < seconds[bench, "FreeDave d=4"] / seconds[bench, "static"] < 2


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
    for task in ("Sudoku, τ = 0.9", "Sudoku, τ = 0.6"):
        runs = {run: plus[task, run]["forwards"] for run in ("subset", "threshold", "FreeDave")}
        assert min(runs, key=runs.get) == "subset"


def test_noise_of_the_logits_breaks_the_traces_when_it_is_large(network):
    noisy, x = Noisy(network, 0.5), PROMPTS[0][None]
    assert np.abs(noisy.denoise(x) - network.denoise(x)).max() > 0.1
    counts = [entry["tables"]["equal"] for entry in records.read("noise").values()]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == counts[1] == 20
    assert counts[-1] < 5

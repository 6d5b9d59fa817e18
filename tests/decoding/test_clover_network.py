"""Draft heads on networks: exact in float64, equal in every form, frozen target, shipped runs."""

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")  # isort: split

from paralg.decoding import RandomDraws, ancestral, distribution_of, total_variation  # noqa: E402
from paralg.decoding.clover import BestFirst, Budgeted, CloverHeads, clover  # noqa: E402
from paralg.decoding.clover.decoder import Clover  # noqa: E402
from paralg.decoding.clover.experiments import ablations, runs  # noqa: E402
from paralg.decoding.clover.experiments.records import records  # noqa: E402
from paralg.decoding.clover.variants import Drawn, Ranked, verify_drawn  # noqa: E402
from paralg.decoding.shaping import TopK  # noqa: E402
from paralg.decoding.trees import verify_chosen  # noqa: E402
from paralg.models import Network, TransformerConfig  # noqa: E402
from paralg.models.counting import CountingModel  # noqa: E402

ROOT = Path(__file__).parents[2]
V, L = 7, 24
SHAPE = TransformerConfig(V, L, width=32, layers=2, heads=2, rotary=True)
NET = Network.untrained(SHAPE, "causal")
KINDS = tuple(dict.fromkeys(runs.HEADS.values()))


def disturbed(kind, network=NET, K=3, size=0.2):
    """Return heads with random weights, which guess badly and say something about everything."""
    heads, draws = kind(network.transformer, K), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in heads.parameters():
            noise = torch.randn(parameter.shape, generator=draws)
            parameter.add_(size * noise.to(parameter))
    return heads


def prompts(n, given=3, seed=0):
    x = np.full((n, L), V)
    x[:, :given] = np.random.default_rng(seed).integers(0, V, (n, given))
    return x


@cache
def tiny():
    shape = TransformerConfig(2, 5, width=16, layers=2, heads=2, rotary=True)
    model = Network.untrained(shape, "causal").double()
    return model, distribution_of(ancestral, model, [2] * 5, cache=True).probability


# ---- exact


@pytest.mark.parametrize("kind", KINDS)
def test_sampling_is_exact_with_any_heads(kind):
    """Tree attention, kept keys and values and the block's own: all in the enumeration."""
    model, exact = tiny()
    heads = disturbed(kind, model, K=2, size=0.4)
    found = distribution_of(clover, model, [2] * 5, drafter=heads, rule=BestFirst(3))
    assert total_variation(found.probability, exact) <= 1e-12
    assert found.runs == 32


def test_drawn_children_are_exact_on_a_network_too():
    model, _ = tiny()
    x = np.array([0, 1, 2, 2, 2])
    exact = distribution_of(ancestral, model, x, cache=True).probability
    found = distribution_of(clover, model, x, drafter=disturbed(CloverHeads, model, 2, 0.4),
                            rule=Drawn((2, 1)), verify=verify_drawn)  # fmt: skip
    assert total_variation(found.probability, exact) <= 1e-12


@pytest.mark.parametrize("rule", [Budgeted(4), Budgeted(0), BestFirst(9), Ranked.product(3, 2),
                                  Ranked(((1,), (2,)))])  # fmt: skip
def test_greedy_decoding_loses_nothing(rule):
    """Random heads: the trace of one likeliest token a call."""
    for kind, x in zip((CloverHeads, ablations.MedusaHeads), prompts(2), strict=True):
        plain = ancestral(NET, x, rng=RandomDraws(), shape=TopK(1), cache=True)
        found = clover(NET, x, disturbed(kind), rule)
        assert found.trace == plain.trace
        assert found.forwards <= plain.forwards


def test_a_tree_in_one_row_says_what_its_paths_say_alone():
    model = NET.double()
    run = Clover(CountingModel(model), prompts(1)[0], disturbed(CloverHeads, model),
                 Ranked.product(2, 2, 1), None, None, None, None)  # fmt: skip
    [p, final] = run.target.read(run.x)
    run.x[3] = t0 = int(p.argmax())
    tree = run.rule.grow(run.drafting.expand, run.drafting.read(final, run.x[:3]), t0, 3)
    together = run.target.verify(tree, run.x, 0)
    for node in range(len(tree)):
        path, x = tree.path(node), run.x.copy()
        x[3 : 3 + len(path)] = tree.tokens[path]
        logits = model.causal(x[None], at=[3 + len(path)])[0, 0]
        alone = np.exp(logits - logits.max())
        np.testing.assert_allclose(together[node], alone / alone.sum(), atol=1e-12)


def test_only_the_accepted_path_is_kept():
    """After any tree, keys and values are those of a prefix that was read at once."""
    for rule in (Ranked.product(2, 2, 1), BestFirst(5)):
        model = NET.double()
        run = Clover(CountingModel(model), prompts(1)[0], disturbed(CloverHeads, model),
                     rule, None, None, None, verify_chosen)  # fmt: skip
        run.decode()
        n = len(run.target.past)
        slots = np.concatenate([[V], run.x[: n - 1]])[None]
        _, whole = model.extend(slots, np.arange(n), np.tri(n, dtype=bool))
        for kept, read in zip(run.target.past.layers, whole.layers, strict=True):
            for mine, theirs in zip(kept, read, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-10)
        assert run.drafting.length <= n


# ---- the heads


@pytest.mark.parametrize("kind", KINDS)
def test_drafting_step_by_step_equals_teacher_forcing(kind):
    """The block has a cache of its own, and head i reads x_p … x_{p+i-1}."""
    model = NET.double()
    heads, x = disturbed(kind, model), prompts(1, given=L)[0]
    slots = np.concatenate([[V], x[:-1]])[None]
    _, kept = model.extend(slots, np.arange(L), np.tri(L, dtype=bool))
    with torch.inference_mode():
        forced = [one.softmax(dim=-1).numpy() for one in heads(kept.hidden, torch.tensor(x[None]))]
    run, sizes = heads.start(), (5, 1, 4)
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        state = run.read(kept.select(range(end - size, end)), x[: end - 1])
        for i in range(1, 4):
            state, q = run.expand(i, state, x[end - 2 + i : end - 1 + i])
            np.testing.assert_allclose(q[0], forced[i - 1][0, end - 1], atol=1e-12)


def test_without_values_clover_is_medusa_on_augmented_states():
    ours, medusa = disturbed(CloverHeads), disturbed(ablations.AugmentedMedusa)
    medusa.load_state_dict({name: part for name, part in ours.state_dict().items()
                            if not name.startswith("decoders")})  # fmt: skip
    hidden, x = torch.randn(2, L, 32), torch.from_numpy(prompts(2, L))
    with torch.no_grad():
        both = zip(ours(hidden, x), medusa(hidden, x), strict=True)
        apart = [(a - b).abs().max() for a, b in both]
        assert min(apart) > 0.1
        for decoder in ours.decoders:
            decoder.v.weight.zero_(), decoder.v.bias.zero_()
        for a, b in zip(ours(hidden, x), medusa(hidden, x), strict=True):
            assert torch.equal(a, b)


def test_a_softmax_over_one_key_is_always_one():
    decoder = ablations.SoftmaxDecoder(8, 2)
    gates = decoder.gate(torch.randn(3, 2, 4), torch.randn(3, 2, 4))
    assert torch.equal(gates, torch.ones(3, 2, 1))


def test_the_target_is_frozen_and_not_stored():
    heads = CloverHeads(NET.transformer)
    before = {name: part.clone() for name, part in NET.transformer.state_dict().items()}
    sum(one.sum() for one in heads(torch.randn(1, L, 32), torch.zeros(1, L).long())).backward()
    assert all(p.grad is None for p in NET.transformer.parameters())
    torch.optim.SGD(heads.parameters(), lr=1.0).step()
    assert all(torch.equal(part, before[name]) for name, part in
               NET.transformer.state_dict().items())  # fmt: skip
    assert not [name for name in heads.state_dict() if name.startswith(("head.", "token"))]


def test_parameters():
    """d = 96: a block of 12 d² and some, a decoder of 3 d², a layer of d²."""
    target, d = runs.target().transformer, 96
    layer, norm, block = d * d + d, 2 * d, 12 * d * d + 13 * d
    decoder = 3 * (d * d + d) + d
    counts = {"medusa": 3 * layer + norm, "clover": 3 * layer + norm + block + 3 * decoder,
              "clover-no-block": 3 * (layer + decoder) + norm, "shared": 3 * layer + norm + decoder,
              "medusa-block": 3 * layer + norm + block}  # fmt: skip
    for name, count in counts.items():
        heads = runs.HEADS[name](target)
        assert sum(p.numel() for p in heads.parameters()) == count


def test_distillation_of_perfect_heads_leaves_the_targets_entropy():
    hidden, net = torch.randn(2, L, 32), NET.transformer
    with torch.no_grad():
        states, dist = net.norm(hidden), net.head(net.norm(hidden))
    entropy = [-(dist.softmax(-1) * dist.log_softmax(-1)).sum(-1)[:, i:].mean() for i in (1, 2)]
    heads = SimpleNamespace(target=net, logits=net.head, states=lambda hidden, x: [
        states[:, i:] for i in (1, 2)])  # fmt: skip
    loss = runs.distilled(heads, hidden, None)
    assert loss.item() == pytest.approx((entropy[0] + 0.7 * entropy[1]).item(), rel=1e-5)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: CloverHeads(NET), "target must be a Transformer"),
    (lambda: CloverHeads(NET.transformer, 0), "K must")])  # fmt: skip
def test_errors_say_what_was_expected(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


# ---- what is shipped


def test_prompts_of_real_text_and_the_shipped_heads():
    ways = (("clover", Budgeted(4)), ("clover", BestFirst(16)), ("medusa", Budgeted(4)))
    for x, (name, rule) in zip(runs.prompts(9), ways * 3, strict=True):
        plain = ancestral(runs.target(), x, rng=RandomDraws(), shape=TopK(1), cache=True)
        assert clover(runs.target(), x, runs.heads(name), rule).trace == plain.trace


@pytest.mark.weekly
def test_fifty_prompts_and_every_shipped_drafter():
    for x in runs.prompts(50):
        plain = ancestral(runs.target(), x, rng=RandomDraws(), shape=TopK(1), cache=True)
        for name in ("clover", "medusa"):
            heads = runs.heads(name)
            assert clover(runs.target(), x, heads, BestFirst(8)).trace == plain.trace


def test_what_the_logs_say():
    """The measures of the chapter in every seed, and the gap that grows with the head."""

    def scores(name):
        assert runs.RUNS.seeds(name) == [0, 1, 2]
        return [log["scores"] for log in runs.RUNS.logs(name)]

    for ours, medusa in zip(scores("clover"), scores("medusa"), strict=True):
        assert ours["tokens a call"]["m = 4"] >= 2.31
        assert ours["tokens a call"]["best 16"] >= 3.08
        assert ours["tokens a call"]["m = 4"] > medusa["tokens a call"]["m = 4"] + 0.2
        gap = np.subtract(ours["top 5"], medusa["top 5"])
        assert 0.1 < gap[0] < gap[1] < gap[2]


def test_numbers_in_the_prose_are_those_of_logs_records_and_benchmark():
    page = " ".join((ROOT / "notebooks/decoding/clover.ipynb").read_text().split())
    ours, medusa = (np.mean([log["scores"]["tokens a call"]["m = 4"] for log in runs.RUNS.logs(k)])
                    for k in ("clover", "medusa"))  # fmt: skip
    gain = f"{ours:.2f} tokens a call with four drafts, where independent heads reach {medusa:.2f}"
    assert gain in page
    rows = json.loads((ROOT / "benchmarks/results/clover.json").read_text())["rows"]
    plain = next(row["ratio"] for row in rows if row["method"] == "one token a call")
    assert f"it takes {plain:.2f} times Clover's time" in page
    tokens = records.read("trees")["clover paper 4"]["tokens"]
    assert f"this target {tokens:.1f} times fewer calls" in page
    assert f"batches of about 42 and {tokens * 153 / 5:.0f}" in page

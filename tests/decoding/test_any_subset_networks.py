"""On networks: masks, kept keys and values, joint density, text and words; records; explorer."""

import itertools

import numpy as np
import pytest

from paralg.decoding.any_subset import (
    assd,
    bigram_assd,
    cached_assd,
    cached_bigram_assd,
    call_bounds,
    explorer,
    lattice_order,
    log_density,
    order_joint,
)
from paralg.decoding.any_subset.experiments import tasks
from paralg.decoding.any_subset.experiments.records import records
from paralg.decoding.any_subset.streams import TwoStreams
from paralg.decoding.any_subset.teaching.explorer import TARGETS, first_round
from paralg.decoding.randomness import RandomDraws, distribution_of, softmax, total_variation
from paralg.decoding.shaping import Temperature
from paralg.models.counting import CountingModel

torch = pytest.importorskip("torch")
from paralg.data import pydoc_text  # noqa: E402
from paralg.decoding.any_subset.experiments import runs  # noqa: E402
from paralg.models import Network, TransformerConfig, load  # noqa: E402
from tests.figures.web import explorer_page, set_to, shown  # noqa: E402

TINY = Network.untrained(TransformerConfig(V=2, L=4, width=16), "anyorder", seed=1)


@pytest.fixture(scope="module")
def grids():
    return load("sudoku4-anyorder")


@pytest.fixture(scope="module")
def text():
    return load("text-anyorder")


def test_the_two_masks_agree_on_the_first_target_and_nowhere_else(grids):
    x = tasks.puzzles(3, 5)[2]
    streams = TwoStreams(CountingModel(grids), x, lattice_order(x, 4))
    y = np.where(x == 4, (np.arange(16) * 3) % 4, x)
    for n in range(len(streams.order) - 2):
        draft, density = (ask(y, n, n + 3) for ask in (streams.draft, streams.density))
        np.testing.assert_allclose(draft[0], density[0], atol=1e-5)
        assert np.abs(draft[1:] - density[1:]).max() > 1e-3


def test_visible_sets_are_those_of_a_loop(grids):
    """A query moves exactly when a token that it may see is changed."""
    x = tasks.puzzles(1, 6)[0]
    order = lattice_order(x, 4)[::-1]
    streams = TwoStreams(CountingModel(grids), x, order)
    y, n, u = np.where(x == 4, 1, x), 3, len(order)
    base = {ask: ask(y, n, u) for ask in (streams.draft, streams.density)}
    for place, i in enumerate(order):
        z = y.copy()
        z[i] = 2
        for ask, seen in ((streams.draft, [place < n] * (u - n)),
                          (streams.density, [place < j for j in range(n, u)])):  # fmt: skip
            moved = np.abs(ask(z, n, u) - base[ask]).max(axis=1) > 1e-6
            assert moved.tolist() == seen


def test_the_density_of_one_call_is_that_of_many(grids):
    x = tasks.puzzles(1, 16)[0]
    start = np.where(np.arange(16) % 3 == 0, x, 4)
    logs, known = log_density(grids, x, start), start.copy()
    for j, i in enumerate(lattice_order(start, 4)):
        one = TwoStreams(CountingModel(grids), known, lattice_order(known, 4)).draft(known, 0, 1)
        assert logs[j] == pytest.approx(np.log(softmax(one)[0, x[i]]), abs=1e-5)
        known[i] = x[i]


def test_a_network_sums_to_one_and_is_sampled_as_it_is():
    model = TINY.double()
    for start, order in (([2] * 4, None), ([2, 1, 2, 2], [3, 0, 2])):
        wanted = sum(v == 2 for v in start)
        assert sum(order_joint(model, start, order).values()) == pytest.approx(1)
        found = distribution_of(assd, model, start, k=3, order=order)
        right = order_joint(model, start, order)
        assert total_variation(found.probability, right) <= 1e-12
        assert max(found.calls) <= wanted


def test_kept_keys_and_values_change_no_token(grids):
    for seed, (slow, fast) in itertools.product(
        (0, 3), ((assd, cached_assd), (bigram_assd, cached_bigram_assd))
    ):
        for givens, order in ((0, None), (4, None), (9, "reversed"), (16, None)):
            x = tasks.puzzles(seed + 1, givens)[seed]
            options = {"k": 3 + seed, "shape": Temperature(0.8), "rng": RandomDraws(9, seed)}
            options["order"] = lattice_order(x, 4)[::-1] if order else None
            plain = slow(grids, x, **options)
            kept = fast(grids, x, **options | {"rng": RandomDraws(9, seed)})
            assert kept.trace == plain.trace
            assert kept.forwards == plain.forwards
            assert kept.cost.tokens <= 16 + 3 * options["k"] * kept.forwards
    with pytest.raises(TypeError, match="extend needs a network"):
        cached_assd(tasks.words(), [26] * 6, rng=RandomDraws())


def test_text_is_filled_in_by_its_network(text):
    assert text.config["scores"]["nats"] < text.config["scores"]["bigram"] - 0.8
    for i, x in enumerate(tasks.infills(3, 32)):
        run = cached_assd(text, x, k=8, rng=RandomDraws(0, i))
        assert run.forwards <= 32
        assert (run.tokens[x < 27] == x[x < 27]).all()
        assert run.trace == assd(text, x, k=8, rng=RandomDraws(0, i)).trace
        assert set(tasks.spelled(run.tokens)) <= set(pydoc_text.SYMBOLS)


def test_words_are_real_and_exact():
    table, counts = tasks.words(), tasks.word_counts(6)
    total = sum(counts.values())
    p = np.exp(log_density(table, [18, 19, 17, 8, 13, 6], [26] * 6).sum())
    assert p == pytest.approx(counts["string"] / total)
    for seed in range(5):
        run = assd(table, [26] * 6, 4, rng=RandomDraws(seed))
        assert tasks.spelled(run.tokens, 26) in counts
    at, drafts, q, p, after = first_round("s___n_")
    assert at.tolist() == [1, 2, 3, 5]
    assert p[0] == q[0]
    assert after == "secon_"
    assert tasks.spelled([26, 0, 27]) == " a_"


# ---- losses


def test_prompts_of_the_losses_and_what_is_asked():
    rng = np.random.default_rng(0)
    for step, low, high in ((0, 0.15, 0.15), (runs.STEPS // 2, 0.85, 0.99), (9**9, 0.85, 0.99)):
        rank, size = runs.draw("annealed", 300, rng, step)
        masked = np.ceil(np.array([low, high]) * runs.L)
        assert (32 - size.max(), 32 - size.min()) == (masked[0], masked[1])
    for name, ascends in (("joint", True), ("anyorder", False)):
        rank, size = runs.draw(name, 40, rng)
        assert (size == (np.sort(rank) == (size - 1)[:, None]).sum(axis=1)).all()
        rises = [(np.diff(row[row >= m]) > 0).all() for row, m in zip(rank, size, strict=True)]
        assert np.mean(rises) == 1 if ascends else np.mean(rises) < 0.5


def test_the_losses_are_those_of_the_two_masks():
    """``both`` is the mean of joint and parallel, and each what the decoder's masks say."""
    network, log = runs.RUNS.fit("both", 0, steps=2)
    losses = {name: runs.RUNS.loss(name)(network, np.random.default_rng(3), 0)[0].item()
              for name in ("joint", "parallel", "both")}  # fmt: skip
    assert losses["both"] == pytest.approx((losses["joint"] + losses["parallel"]) / 2, rel=1e-5)
    model, rng, found = Network(network, "anyorder", "both"), np.random.default_rng(3), {}
    y = pydoc_text.windows(runs.BATCH, runs.L, rng)
    for x, rank, m in zip(y, *runs.draw("joint", runs.BATCH, rng), strict=True):
        at = np.flatnonzero(rank >= m)
        for name, visible in (("joint", None), ("parallel", int(m))):
            p = softmax(model.anyorder(x[None], rank, visible, at=at))[0, np.arange(len(at)), x[at]]
            found.setdefault(name, []).append(-np.log(p).mean())
    for name, nats in found.items():
        assert np.mean(nats) == pytest.approx(losses[name], abs=1e-4)


@pytest.mark.weekly
def test_the_public_network_sees_the_same_sets():
    pytest.importorskip("transformers")
    from paralg.decoding.any_subset.experiments.peers import XLNet

    model, x = XLNet(TransformerConfig(V=4, L=16, width=32)), np.arange(16) % 4
    start = np.where(np.arange(16) % 3 == 0, x, 4)
    order = lattice_order(start, 4)[::-1]
    streams = TwoStreams(CountingModel(model), start, order)
    for n, ask in ((3, streams.draft), (0, streams.density)):
        base = ask(x, n, len(order))
        for j in range(16):
            z = np.where(np.arange(16) == j, (x + 1) % 4, x)
            moved = np.abs(ask(z, n, len(order)) - base).max(axis=1) > 1e-7
            place = streams.rank[j] - streams.given  # below 0: given
            drafting = ask == streams.draft
            seen = [place < (n if drafting else i) for i in range(n, len(order))]
            assert moved.tolist() == seen


# ---- the shipped sweeps


def test_the_sweeps_say_what_the_pages_say():
    for entry in (*records.read("sudoku").values(), records.read("exact"),
                  *records.read("text").values()):  # fmt: skip
        serial = entry["one by one"]
        for name, one in entry.items():
            if name.startswith("k = ") and name != "k = 1":
                assert one["over the bound"] == 0
                assert one["calls"] <= serial["calls"]
            if not name.startswith("independent"):
                off = abs(one["nats"] - serial["nats"])
                assert off <= 4 * np.hypot(one["error"], serial["error"])
    four = records.read("sudoku")["4"]
    assert four["k = 12"]["calls"] <= 5.5
    assert four["k = 2"]["calls"] == four["one by one"]["calls"] == 12
    assert four["k = 1"]["calls"] == call_bounds(12, 1)[1]
    exact = records.read("exact")
    assert exact["k = 5"]["valid"] == exact["one by one"]["valid"] == 1
    assert exact["independent, 2"]["valid"] < 0.6
    lenient = records.read("lenient")
    assert lenient["0.0"]["valid"] == 1
    assert lenient["0.1"]["total variation"] == pytest.approx(0.141388)


# ---- the explorer


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    pytest.importorskip("matplotlib")
    return explorer_page(chromium, tmp_path_factory.mktemp("any"), explorer())


def test_the_explorer_fills_in_real_words_within_the_bound(page):
    known = tasks.word_counts(6)
    give = [page.get_by_label(f"Give {n}", exact=True) for n in range(1, 7)]
    for k, seeds in ((1, 1), (2, 2), (3, 4), (6, 3)):
        set_to(page, "Targets k", k)
        for _ in range(seeds):
            page.get_by_label("Seed: next").click()
            got = shown(page)
            calls = int(got["Calls"].split(" of ")[1])
            wanted = int(got["Letters written"].split(" of ")[1])
            least, most = call_bounds(wanted, k)
            assert int(got["Bound"]) == most
            assert least <= calls <= most
            while page.get_by_label("Round: next").get_attribute("aria-disabled") != "true":
                page.get_by_label("Round: next").click()
            end = page.locator(".pe-status").inner_text()
            assert end.split("The word is ")[1].rstrip(".") in known
    for box in give:
        box.check()
    assert shown(page)["Calls"] == "0 of 0"
    give[0].uncheck()
    assert shown(page)["Calls"] == "1 of 1"
    page.locator("g[data-look='given']").nth(1).click()
    assert shown(page)["Letters written"].endswith("of 2")
    assert page.errors == []


def test_the_explorer_has_the_conditionals_of_the_table(page):
    """q and p of the first draft are equal, and are those of the exact table."""
    for n in range(1, 7):
        page.get_by_label(f"Give {n}", exact=True).set_checked(n in (1, 5))
    set_to(page, "Targets k", 4)
    table, x = tasks.words(), [26] * 6
    word = TARGETS[0]
    x[0], x[4] = (tasks.LETTERS.index(word[i]) for i in (0, 4))
    draft = page.locator("g[data-look='drafted'] text").first.text_content()
    p = softmax(table.anyorder([x], np.array([1, 2, 2, 2, 1, 2]), at=[1]))[0, 0]
    shares = [f"{p[tasks.LETTERS.index(draft)]:.2g}".lstrip("0")] * 2
    bars = page.locator("svg text").all_text_contents()
    assert [float(one) for one in bars if one.replace(".", "", 1).isdigit()][:2] == pytest.approx(
        [float(s) for s in shares], rel=0.02)  # fmt: skip

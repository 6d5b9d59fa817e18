"""On digits: cache, guidance and hooks; the shipped sweeps; the peer; the explorer."""

import numpy as np
import pytest

from paralg.decoding.baselines import ancestral
from paralg.decoding.randomness import RandomDraws, softmax
from paralg.decoding.shaping import Chain, TopK
from paralg.decoding.speculative_jacobi import (
    coupled,
    extended,
    fixed_point,
    matched,
    speculative_jacobi,
)
from paralg.decoding.speculative_jacobi.experiments.records import (
    film,
    filmed,
    gumbel,
    records,
    unfold,
)

torch = pytest.importorskip("torch")
from paralg.data import digits  # noqa: E402
from paralg.decoding.speculative_jacobi.experiments import images, peers  # noqa: E402
from paralg.decoding.speculative_jacobi.teaching.explorer import explorer  # noqa: E402
from tests.figures.web import explorer_page, shown  # noqa: E402


@pytest.fixture(scope="module")
def network():
    return images.network()


def lower_part(row):
    """A real image of which the pixels from ``row`` on are wanted."""
    [x] = digits.encode(*digits.load("test"))[4:5]
    x[1 + 8 * row :] = digits.SYMBOLS
    return x


@pytest.mark.parametrize("decode", [speculative_jacobi, coupled, extended, matched])
def test_kept_keys_and_values_change_no_token(network, decode):
    x = lower_part(4)
    for scale in (None, 2.0):
        runs = [decode(network, x, 8, rng=RandomDraws(3), cache=cache, shape=images.hook(4, scale),
                       initialiser=images.initialiser("above")) for cache in (True, False)]
        assert (runs[0].tokens == runs[1].tokens).all()
        rows = 1 if scale is None else 2
        assert runs[0].cost.rows == runs[1].cost.rows == rows * runs[0].forwards
        assert runs[0].cost.tokens == runs[1].cost.tokens + 33 * rows  # label and given pixels


def test_ancestral_sampling_with_a_cache_draws_what_it_draws_without(network):
    x, hook = lower_part(4), images.hook(scale=1.5)
    runs = [ancestral(network, x, rng=RandomDraws(1), cache=cache, shape=hook)
            for cache in (True, False)]
    assert runs[0].trace == runs[1].trace
    assert runs[0].cost.tokens == 2 * 65


def test_only_levels_are_drawn_and_the_label_stays():
    for run in images.sample(speculative_jacobi, 2, W=15, initialiser=images.initialiser()):
        assert digits.allowed()[np.arange(digits.LENGTH), run.tokens].all()
    assert images.prompts(12)[11, 0] == digits.LEVELS + 1


def test_a_fixed_point_with_noise_is_the_sequential_image(network):
    x, shape, g = images.prompts(8)[7], images.hook(), gumbel(1, network)
    run = fixed_point(network, x, 16, noise=g, shape=shape, cache=True)
    sweeps = fixed_point(network, x, 16, noise=g, shape=shape, cache=True,
                         initialiser=images.initialiser("above"))  # fmt: skip
    p = softmax(shape(network.causal(run.tokens[None]), np.arange(65)))[0, 1:]
    with np.errstate(divide="ignore"):
        wanted = (np.log(p) + g[1:]).argmax(axis=1)
    assert (run.tokens[1:] == wanted).all()
    assert (sweeps.tokens == run.tokens).all()
    assert run.forwards < 32


# ---- the shipped sweeps


@pytest.mark.parametrize("setting", [(15, 8, "random", "redraw"), (4, 1, "above", "plain Jacobi")])
def test_a_film_is_what_a_run_gives(setting):
    run, shipped = filmed(*setting), records.read("films")[" ".join(map(str, setting))]
    assert shipped == film(run)
    rounds = unfold(shipped)
    assert "".join(final for *_, final in rounds) == "".join(map(str, run.tokens[1:]))
    assert [accepted for _, _, accepted, _ in rounds] == run.trace.accepted.tolist()


def test_summary_and_map_count_events():
    runs = images.sample(coupled, 2, W=15, initialiser=images.initialiser())
    found = images.summary(runs)
    assert found["tokens"] == pytest.approx(128 / sum(r.forwards for r in runs), abs=1e-3)
    kept = [e for r in runs for e in r.trace.events if e.what == "accepted"]
    tests = len(kept) + sum(e.what == "rejected" for r in runs for e in r.trace.events)
    shares = images.acceptance_map(runs)
    assert shares.shape == (8, 8)
    assert 0.4 < len(kept) / tests < 1
    assert shares.min() >= 0
    assert shares.max() == 1


def test_the_sweeps_say_what_the_pages_say():
    windows, top_k = records.read("windows"), records.read("top_k")
    assert windows["16"]["random"]["tokens"] >= 3.9
    assert [round(windows[W]["random"]["forwards"], 1) for W in ("0", "16", "32")] == [
        64, 16.4, 13.5]  # fmt: skip
    assert windows["2"]["left"]["forwards"] < windows["2"]["random"]["forwards"] - 4
    forwards = [entry["random"]["forwards"] for entry in windows.values()]
    positions = [entry["random"]["positions"] for entry in windows.values()]
    assert forwards == sorted(forwards, reverse=True)
    assert positions == sorted(positions)
    plain = [entry["plain Jacobi"]["forwards"] for entry in top_k.values()]
    assert plain == sorted(plain)
    assert all(15.5 < entry["speculative"]["forwards"] < 17.5 for entry in top_k.values())
    treatments = records.read("treatments")
    for setting in treatments["redraw"]:
        by_name = {name: entry[setting]["forwards"] for name, entry in treatments.items()}
        assert by_name["couple"] < by_name["redraw"] < by_name["plain Jacobi"] < by_name["keep"]
    text = records.read("text")
    assert text["redraw"]["forwards"] > 25
    assert text["redraw"]["positions"] > 4 * text["one token a forward"]["positions"]
    guidance = records.read("guidance")
    assert guidance["1"] == guidance["None"] | {"positions": guidance["1"]["positions"]}
    drawn = records.read("samples")
    assert drawn["z rms"] < 1.1
    assert abs(drawn["recognised"][0] - drawn["recognised"][1]) < 0.1


def test_real_images_are_recognised_and_agree_with_themselves():
    test = digits.load("test")
    levels = digits.decode(digits.encode(*test))
    assert images.recognised(levels, test.labels) > 0.8
    runs = images.sample(speculative_jacobi, 2, W=15, initialiser=images.initialiser())
    found = images.agreement(runs, runs)
    assert found["z rms"] == found["z largest"] == 0
    assert found["level"][0] == found["level"][1]


# ---- the peer


@pytest.mark.weekly  # the benchmark refuses to run where they differ; transformers takes seconds
def test_the_peer_has_our_logits_to_the_last_bit(network):
    pytest.importorskip("transformers")
    model, x = peers.as_gpt2(network), digits.encode(*digits.load("test"))[:2]
    shifted = np.concatenate([np.full((2, 1), network.V), x[:, :-1]], axis=1)
    with torch.inference_mode():
        logits = model(torch.from_numpy(shifted)).logits[..., :-1].double().numpy()
    assert np.array_equal(logits, network.causal(x))
    y = peers.generate(model, images.prompts(1)[0], digits.allowed(), seed=0)
    assert digits.allowed()[np.arange(digits.LENGTH), y].all()


def test_the_peer_takes_causal_weights_without_rotation():
    from paralg.models import load

    with pytest.raises(ValueError, match="expected causal weights without rotation, got <Network"):
        peers.as_gpt2(load("text-causal"))


# ---- the explorer


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    return explorer_page(chromium, tmp_path_factory.mktemp("explorer"), explorer())


@pytest.mark.parametrize("W, k, kind, name", [
    (15, 8, "random", "redraw"), (4, 1, "above", "couple")])  # fmt: skip
def test_the_explorer_shows_the_recorded_run(page, W, k, kind, name):
    for label, value in (("Drafts W", W), ("Top-K", k), ("First drafts", kind),
                         ("Unreached drafts", name)):  # fmt: skip
        page.get_by_role("group", name=label).get_by_label(str(value), exact=True).check()
    step, before = page.get_by_label("Forward: next"), shown(page)
    step.focus()
    page.keyboard.press("Enter")
    assert shown(page) != before
    step.evaluate("b => { while (b.getAttribute('aria-disabled') !== 'true') b.click(); }")
    run, got = filmed(W, k, kind, name), shown(page)
    assert got["Forwards"] == f"{run.forwards} of {run.forwards}"
    assert got["Final pixels"] == "64 of 64"
    assert got["Positions computed"] == str(run.cost.tokens)
    end = page.evaluate("() => [...document.querySelectorAll('.pe-picture g[data-look] text')]"
                        ".map(t => t.textContent).join('')")  # fmt: skip
    assert end == "".join(map(str, run.tokens[1:]))
    page.get_by_label("Forward: previous").click()
    assert "accepted" in page.locator(".pe-status").first.inner_text()
    assert page.errors == []


def test_a_hook_of_top_one_makes_plain_jacobi_greedy(network):
    x = images.prompts(2)[1]
    shape = Chain(images.hook(), TopK(1))
    options = {"shape": shape, "cache": True, "initialiser": images.initialiser("above")}
    plain = matched(network, x, 16, rng=RandomDraws(0), **options)
    fixed = fixed_point(network, x, 16, **options)
    assert plain.trace == fixed.trace

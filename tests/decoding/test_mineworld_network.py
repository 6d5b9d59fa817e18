"""Worlds, action tokens, training, shipped networks, peers and explorer."""

import numpy as np
import pytest
import torch

from paralg.data import crafter_walks
from paralg.decoding.mineworld import StreamShape, Wavefront, decode, lay_out
from paralg.decoding.mineworld.experiments import actions, runs, worlds
from paralg.decoding.mineworld.experiments.records import records
from paralg.decoding.mineworld.fast.static import Filled, StaticNetwork
from paralg.decoding.mineworld.teaching.explorer import SHAPES, explorer
from paralg.decoding.mineworld.theory import lost
from paralg.models import Network, TransformerConfig
from tests.figures.web import explorer_page, set_to, shown

SHAPE = worlds.SHAPE


@pytest.mark.parametrize("pressed, pitch, yaw, back", [
    ((), 0, 0, ((), 0, 0)),
    (("forward", "jump"), -90, 90, (("forward", "jump"), -90, 90)),
    (("left", "right", "use"), 200, -200, (("use",), 90, -90)),
    (("hotbar.1", "hotbar.9", "sneak", "drop"), 0, 0, (("sneak", "drop"), 0, 0)),
])  # fmt: skip
def test_actions_of_worked_cases(pressed, pitch, yaw, back):
    tokens = actions.encode_action(pressed, pitch, yaw)
    assert len(tokens) == 11
    held, *angles = actions.decode_action(tokens)
    assert (held, angles) == (set(back[0]), pytest.approx(list(back[1:])))


def test_bins_of_the_camera_are_finer_near_zero_and_come_back():
    middles = [actions.angle_of_bin(i) for i in range(21)]
    assert [actions.bin_of_angle(x) for x in middles] == [*range(21)]
    widths = np.diff(middles)
    assert (widths > 0).all()
    assert (np.diff(widths[10:]) > 0).all()
    np.testing.assert_allclose(middles, -np.array(middles)[::-1], atol=1e-12)
    for x in np.linspace(-90, 90, 181):
        v = np.sign(x) * np.log1p(11.4887 * abs(x) / 90) / np.log1p(11.4887) * 90
        assert actions.bin_of_angle(x) == round((v + 90) / 9)


def test_what_is_no_action_is_refused():
    good = actions.encode_action({"jump"})
    for wrong in (good[:-1], good[::-1], [*good[:4], good[8], *good[5:]], [10**6] * 11):
        with pytest.raises(ValueError, match="each in its slot"):
            actions.decode_action(wrong)
    with pytest.raises(ValueError, match="pressed must be one of"):
        actions.encode_action({"fly"})


def test_true_frames_show_their_moves_and_determine_most_cells():
    walks = crafter_walks.load("test")
    for world in range(4):
        pairs = list(zip(walks.frames[world], walks.frames[world, 1:], strict=False))[:60]
        moves = walks.actions[world, :60].tolist()
        assert [worlds.move_shown(*pair) for pair in pairs] == moves
        right = []
        for (a, b), move in zip(pairs, moves, strict=True):
            fixed, new = worlds.controlled(a, move)
            assert new.sum() == {0: 0, 1: 8, 2: 8, 3: 12, 4: 12}[move]
            right.append((worlds._scrolled(a, move) == b)[fixed].mean())
        assert np.mean(right) > 0.97  # the rest: creatures that walk in


def test_controllability_of_worked_cases():
    assert worlds.controllability([0, 1], [0, 1]) == (1, 1, 1)
    assert worlds.controllability([0, 1], [1, 0]) == (0, 0, 0)
    found = worlds.controllability([0, 0, 0, 1], [0, 0, 0, 0])
    assert found == pytest.approx((0.375, 0.5, 3 / 7))


@pytest.mark.parametrize("name", ["world", "w2", "w1"])
def test_a_loss_reaches_all_weights_and_counts_every_cell_and_action_once(name):
    frames, moves = worlds.examples(np.random.default_rng(0), 2, 3, "test")
    x = worlds.prompt_of(frames[:, :2], moves)
    assert (x[:, 96] == moves[:, 0] + 19).all()
    assert (x[:, 97:193].reshape(2, 8, 12) == frames[:, 1]).all()
    layout = runs._layout(name)
    drawn = layout.cells[layout.cells >= 0]
    assert sorted(drawn) == [*range(97, 193), *range(194, 290)]
    assert (layout.places % SHAPE.step == 96).sum() == 2  # each draws an action
    model = runs._build("world", 0)
    loss, numbers = runs._loss(name)(model, np.random.default_rng(0), 0)
    loss.backward()
    share = 2 / 194
    whole = (1 - share) * numbers["cells"] + share * numbers["actions"]
    assert loss.item() == pytest.approx(whole, abs=1e-4)
    assert all(part.grad is not None for part in model.parameters())


@pytest.mark.parametrize("name, w", [("world", 12), ("w2", 2), ("w1", 1)])
def test_the_loss_is_that_of_the_incremental_decoder(name, w):
    network = runs.load(name).double()
    frames, moves = worlds.examples(np.random.default_rng(1), 1, 2, "test")
    x, said = runs._stream(frames, moves)[0], []
    layout = lay_out(SHAPE, w, SHAPE.step)
    cells = iter([step[3] for step in layout.steps])

    def dictate(p):
        now = next(cells)
        said.extend(-np.log(p[0, np.arange(len(now)), x[now]]))
        return x[now][None]

    decode(network, x[:97], SHAPE, w, draw=dictate)
    with torch.no_grad():
        nats, _ = runs._nats(network.transformer, layout, x[None])
    np.testing.assert_allclose(said, nats[0].numpy(), atol=1e-9)


def test_shipped_networks_follow_the_action_in_every_order():
    for name, w in (("world", 12), ("world", 2), ("w2", 2), ("w1", 1)):
        found = runs.evaluate(runs.load(name), w, 20)
        assert found["f1"] > 0.8
        assert found["determined"] > 0.9


@pytest.mark.parametrize("w", [1, 2, 12])
def test_a_static_cache_gives_the_same_distributions(w):
    frames, moves = worlds.examples(np.random.default_rng(3), 2, 2, "test")
    plain, rows = runs.load().double(), worlds.prompt_of(frames[:, :1], moves)
    said = {}
    for name, model in (("plain", plain), ("static", StaticNetwork(plain))):
        kept = said[name] = []
        found = decode(model, rows, SHAPE, w, draw=lambda p, k=kept: k.append(p) or p.argmax(-1))
        said[name] = (np.concatenate(kept, axis=1), found.cost, found.trace)
    np.testing.assert_allclose(said["static"][0], said["plain"][0], atol=1e-12)
    assert said["static"][1:] == said["plain"][1:]
    with pytest.raises(ValueError, match="the state after 0 slots, got Filled"):
        StaticNetwork(plain).extend(rows[:1, :1], np.arange(1), np.ones((1, 2), bool), Filled(1))


def test_records_say_what_the_pages_say():
    orders, trap = records.read("orders"), records.read("trap")
    milli = {way: 1e3 * (one["nats"] - orders["raster"]["nats"]) for way, one in orders.items()}
    assert 0 < milli["w = 2"] < 1 < milli["w = 1"] < 3
    assert all(abs(milli[f"{w}, tuned"] - milli["raster, tuned"]) < 1 for w in ("w = 2", "w = 1"))
    for measure, most in (("f1", 0.01), ("determined", 0.005), ("new", 0.02)):
        assert all(abs(one[measure] - orders["raster"][measure]) < most for one in orders.values())
    drawn = records.read("sampling").items()
    assert all(one["new"] < orders[f"{way}, tuned"]["new"] for way, one in drawn)
    switches = records.read("switches")
    assert switches["w = 2, no refresh"]["nats"] > switches["w = 1, first"]["nats"]
    assert all(switches[f"{w}, no refresh"]["all"] == switches[f"{w}, released"]["all"]
               for w in ("raster", "w = 2", "w = 1"))
    assert 0.75 < trap["copy"]["all"] < 0.85
    assert trap["copy"]["f1"] < 0.2
    assert trap["world"]["f1"] > trap["few-short"]["f1"]
    assert trap["few-short"]["f1"] < 0.3 < 0.7 < trap["few-short"]["all"] < 0.75
    assert all(0.75 < one["shown"][-1] < 0.85 for one in records.read("play").values())
    video = records.read("video")
    assert {one["calls"] for key, one in video.items() if "overlapping" in key} == {42.0}
    assert {one["calls"] for key, one in video.items() if key.endswith("w = 2")} == {52.0}
    for name in ("world", "w2"):  # the move's neighbourhood in the frame before is seen whole
        one, two = (video[f"{name}, w = 2{end}"] for end in ("", ", overlapping"))
        assert (one["all"], one["f1"]) == (two["all"], two["f1"])
    wave = Wavefront(8, 12, 2, 2, overlap=True)
    assert all(wave.visible(8 + r, c)[r : r + 2].all() for r in range(7) for c in range(12))


@pytest.mark.weekly  # the import of transformers takes longer than all other tests
def test_the_peer_has_the_size_and_our_weights_say_the_same_in_it():
    pytest.importorskip("transformers")
    from paralg.decoding.mineworld.experiments import peers
    from paralg.decoding.multiverse.experiments.peers import as_neox

    config = TransformerConfig(V=7, L=40, width=16, layers=2, heads=2, rotary=True)
    network, shape = Network.untrained(config, "causal"), StreamShape(3, 5, 1)
    x, net = np.random.default_rng(0).integers(0, 7, 31), network.transformer
    for w in (1, 2, 5):
        layout = lay_out(shape, w, 16)
        tokens = np.where(layout.sources < 0, 7, x[layout.sources])
        ours = network.attend(tokens[None], layout.places, layout.mask)[0]
        ids, at = torch.tensor(tokens), torch.tensor(layout.places)
        with torch.inference_mode():
            theirs = as_neox(network)(
                inputs_embeds=(net.token(ids) + net.position(at))[None], position_ids=at[None],
                attention_mask=torch.tensor(layout.mask)[None, None]).logits[0, :, :-1]  # fmt: skip
        np.testing.assert_allclose(theirs.double().numpy(), ours, atol=1e-4)
    model = peers.llama(runs.CONFIG)
    ours = runs._build("world", 0).parameters_count
    assert 0.85 < sum(part.numel() for part in model.parameters()) / ours < 1.05
    assert peers.generate(model, np.zeros(97, int), 5).shape == (5,)


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    pytest.importorskip("matplotlib")
    return explorer_page(chromium, tmp_path_factory.mktemp("explorer"), explorer())


def press(page, name, times):
    button = page.get_by_label(name, exact=True)
    for _ in range(times):
        button.focus()
        page.keyboard.press("Enter")


def kinds(page):
    return page.eval_on_selector_all("[data-kind]", "all => all.map(one => one.dataset.kind)")


@pytest.mark.parametrize("w", [1, 2, 10])
def test_the_explorer_says_what_the_library_says(page, w):
    set_to(page, "Row offset w", w)
    wave, got = Wavefront(*SHAPES["6 × 10"], w), shown(page)
    assert got["Calls a frame"] == str(wave.total)
    assert got["Widest call"].split()[0] == str(wave.widths.max())
    seen, gone = wave.visible(3, 4), lost(wave, 3, 4)
    wanted = np.where(seen, "seen", np.where(gone, "lost", "later")).ravel().tolist()
    assert kinds(page) == wanted
    assert got["Cell sees"] == str(seen.sum())


def test_the_explorer_by_keyboard_pointer_and_without_refresh(page):
    set_to(page, "Row offset w", 2)
    before = kinds(page).count("lost")
    page.get_by_label("Refresh").uncheck()
    assert kinds(page).count("lost") > before
    page.get_by_label("Refresh").check()
    press(page, "Column: next", 2)
    assert kinds(page).count("seen") == Wavefront(6, 10, 2).visible(3, 6).sum()
    page.locator("[data-kind]").nth(25).hover()
    assert kinds(page).count("seen") == Wavefront(6, 10, 2).visible(2, 5).sum()

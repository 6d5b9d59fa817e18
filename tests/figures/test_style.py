"""The style: settings that hold, colours that can be told apart, and read, by everybody."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from paralg import figures
from paralg.figures import style

CSS = Path(figures.__file__).parent.joinpath("explorer.css").read_text()
WHITE, DARK, LIGHT_SURFACE, DARK_SURFACE = "#ffffff", "#14181e", "#f3f4f5", "#29313d"

# Machado, Oliveira and Fernandes (2009), severity 1: linear RGB as three kinds of eye see it.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def _linear(colour):
    value = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ np.clip(linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _contrast(a, b):
    luminance = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted((luminance @ _linear(a), luminance @ _linear(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("eye", DEFICIENCIES)
def test_colours_can_be_told_apart(eye):
    seen = {c: _lab(DEFICIENCIES[eye] @ _linear(c)) for c in style.PALETTE}
    pairs = itertools.combinations(style.PALETTE, 2)
    distance = {(a, b): np.linalg.norm(seen[a] - seen[b]) for a, b in pairs}
    nearest = min(distance, key=distance.get)
    assert distance[nearest] > 10, f"{nearest} look alike"


@pytest.mark.parametrize("eye", DEFICIENCIES)
def test_baseline_parallel_and_bound_are_far_apart(eye):
    three = [style.BLUE, style.VERMILION, style.GREEN]
    seen = [_lab(DEFICIENCIES[eye] @ _linear(c)) for c in three]
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 15


def test_colour_never_stands_alone():
    cycle = list(figures.rc()["axes.prop_cycle"])
    assert len(cycle) == len(style.PALETTE)
    for key in ("color", "marker", "linestyle"):
        assert len({str(look[key]) for look in cycle}) == len(cycle)


@pytest.mark.parametrize("ground,least", [(WHITE, 4.5), (DARK, 3.9)])
def test_grey_is_read_in_both_themes(ground, least):
    assert _contrast(style.GREY, ground) >= least


@pytest.mark.parametrize("ground", style.PALETTE[:6])
def test_ink_is_read_on_every_colour(ground):
    ink = {"white": "#ffffff"}.get(figures.ink(ground), "#000000")
    assert _contrast(ink, ground) >= 4.5


def _css_colours(theme):
    blocks = CSS.split("html[data-theme")
    text = blocks[0] if theme == "light" else blocks[1]
    return dict(re.findall(r"--pe-([a-z-]+): (?:var\(--paralg-[a-z-]+, )?(#[0-9a-f]{6})", text))


@pytest.mark.parametrize(
    "theme,grounds", [("light", (WHITE, LIGHT_SURFACE)), ("dark", (DARK, DARK_SURFACE))]
)
def test_explorer_colours_are_read(theme, grounds):
    colours = _css_colours(theme)
    words = {name: c for name, c in colours.items() if name.endswith("-text")}
    assert len(words) == 7
    for (name, colour), ground in itertools.product(words.items(), grounds):
        assert _contrast(colour, ground) >= 4.5, f"{name} on {ground}"
    assert _contrast(colours["edge"], grounds[0]) >= 3


def test_use_sets_the_style_and_refuses_other_formats():
    import matplotlib

    figures.use(size=12)
    assert matplotlib.rcParams["axes.edgecolor"] == style.GREY
    assert matplotlib.rcParams["savefig.transparent"] is True
    assert matplotlib.rcParams["font.size"] == 12
    with pytest.raises(ValueError, match="formats must be one of .*got 'gif'"):
        figures.use(formats="gif")


def test_use_asks_the_notebook_for_pictures_without_a_date(monkeypatch):
    import IPython
    from matplotlib_inline import backend_inline

    asked = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(
        backend_inline, "set_matplotlib_formats", lambda *names, **more: asked.append((names, more))
    )
    figures.use()
    figures.use(formats="png")
    assert asked == [
        (("svg",), {"metadata": {"Date": None}}),
        (("retina",), {"metadata": {"Software": None}}),
    ]


@pytest.mark.parametrize("backend, hooks", [("inline", 0), ("agg", 1)])
def test_a_backend_that_draws_what_it_shows_draws_once(monkeypatch, backend, hooks):
    import IPython
    import matplotlib.pyplot as plt
    from matplotlib_inline import backend_inline

    installed = ["draw all figures after a cell"]
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(backend_inline, "set_matplotlib_formats", lambda *names, **more: None)
    monkeypatch.setattr(plt, "get_backend", lambda: backend)
    monkeypatch.setattr(plt, "uninstall_repl_displayhook", installed.clear)
    figures.use()
    assert len(installed) == hooks

"""The recurring figures: what each must show, and what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest

from paralg import figures
from paralg.core.primitives import ADD, scan


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def _texts(ax):
    return [text.get_text() for text in ax.texts]


def test_speedup_dashes_the_prediction(ax):
    p = [1, 2, 4, 8]
    got = figures.speedup(ax, p, [1, 2, 3, 5], [1, 2, 4, 6], spread=([1, 2, 3, 4], [1, 2, 3, 6]))
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert got is ax
    assert lines["predicted"].get_linestyle() == "--"
    assert lines["measured"].get_linestyle() == "-"
    assert lines["ideal"].get_linewidth() < 1
    assert set(_texts(ax)) == {"ideal", "measured", "predicted"}
    assert ax.get_xscale() == "log"


def test_speedup_takes_several_methods_and_a_bound(ax):
    figures.speedup(ax, [1, 2, 3], {"scan": [1, 2, 3], "loop": [1, 1, 1]}, bound=[1, 2, 2])
    colours = {line.get_label(): line.get_color() for line in ax.get_lines()}
    assert colours["scan"] == figures.VERMILION
    assert colours["bound"] == figures.GREEN
    assert colours["loop"] not in (figures.VERMILION, figures.GREEN)
    assert ax.get_xscale() == "linear"


def test_speedup_refuses(ax):
    with pytest.raises(ValueError, match="expected measured or predicted values, got neither"):
        figures.speedup(ax, [1, 2])
    with pytest.raises(ValueError, match=r"measured must have shape \(2,\) like p, got \(3,\)"):
        figures.speedup(ax, [1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="spread is for one measured line, got 0"):
        figures.speedup(ax, [1, 2], predicted=[1, 2], spread=([1, 1], [2, 2]))


def test_work_span_draws_both(ax):
    n = 2 ** np.arange(1, 5)
    figures.work_span(ax, n, {"loop": (n, n), "tree": (n, np.log2(n))})
    assert set(_texts(ax)) == {"loop: work", "loop: span", "tree: work", "tree: span"}
    with pytest.raises(ValueError, match="span of tree must have shape"):
        figures.work_span(ax, n, {"tree": (n, [1])})


def test_names_of_lines_do_not_collide(ax):
    for height in (1.0, 1.001, 1.002):
        ax.plot([0, 1], [0, height], label=f"{height}")
    figures.name_lines(ax)
    ax.figure.canvas.draw()
    boxes = sorted((t.get_window_extent() for t in ax.texts), key=lambda box: box.y0)
    pairs = zip(boxes, boxes[1:], strict=False)
    assert all(low.y0 + 0.7 * low.height < high.y0 for low, high in pairs)


def test_a_line_with_error_bars_is_named_like_any_other(ax):
    ax.plot([1, 2], [1, 1], label="plain")
    bars = ax.errorbar([1, 2], [3, 4], [1, 1], color=figures.BLUE, label="with bars")
    ax.errorbar([1, 2], [5, 6], [1, 1])
    ax.errorbar([1, 2], [5, 6], [1, 1], label="_spread")
    ax.errorbar([1, 2], [5, 6], [1, 1], fmt="none", label="bars alone")
    figures.name_lines(ax)
    assert _texts(ax) == ["plain", "with bars"]
    assert tuple(ax.texts[1].xy) == (2, 4)
    assert ax.texts[1].get_color() == bars.lines[0].get_color() == figures.BLUE


def test_a_line_that_leaves_the_axes_is_named_where_it_leaves(ax):
    ax.plot([0, 4], [0, 8], label="steep")
    ax.plot([0, 4], [0, 1], label="flat")
    ax.plot([9, 9], [9, 9], label="never seen")
    ax.set(xlim=(0, 4), ylim=(0, 2))
    figures.name_lines(ax)
    steep, flat, unseen = (text.xy for text in ax.texts)
    np.testing.assert_allclose([steep, flat, unseen], [(1, 2), (4, 1), (9, 9)])


@pytest.mark.parametrize("codes", [[[0]], [[1, 1, 3, 4], [1, 1, 2, 3]], np.zeros((3, 60), int)])
def test_raster_draws_every_cell(ax, codes):
    figures.raster(ax, codes)
    patches = [c for c in ax.collections if len(c.get_offsets()) <= 1]
    assert sum(len(c.get_paths()) for c in patches) >= np.size(codes)
    assert ax.figure.legends


def test_rasters_share_their_scale_and_one_legend(ax):
    fig, axes = ax.figure, ax.figure.subplots(2, 2)
    drawn = figures.rasters(axes, {"slow": [[3, 0], [2, 3]], "fast": [[3, 3]], "both": [[4, 3]]})
    assert drawn is axes
    assert {one.get_ylim() for one in axes.flat[:3]} == {(1.5, -0.5)}
    assert [one.get_title() for one in axes.flat[:3]] == ["slow", "fast", "both"]
    assert not axes[1, 1].axison
    [legend] = fig.legends
    assert len(legend.get_texts()) == 4
    with pytest.raises(ValueError, match="expected 1 to 4 traces, got 0"):
        figures.rasters(axes, {})


def test_raster_takes_a_trace_and_refuses_codes(ax):
    trace = SimpleNamespace(raster=lambda: np.array([[1, 3], [1, 2]]))
    figures.raster(ax, trace, tokens=["a", "b"])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    with pytest.raises(ValueError, match=r"expected codes 0 to 4 of shape \(rounds, L\)"):
        figures.raster(ax, [[7]])


def test_gantt_names_the_tasks_it_has_room_for(ax):
    tasks = [SimpleNamespace(name=name, worker=worker, start=0.0, end=end)
             for name, worker, end in (("a", 0, 3.0), ("tiny", 1, 0.01))]  # fmt: skip
    schedule = SimpleNamespace(tasks=tasks, p=2, makespan=3.0)
    figures.gantt(ax, schedule, kinds={"a": "map", "tiny": "reduce"})
    assert _texts(ax) == ["a"]
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["map", "reduce"]
    figures.gantt(ax, schedule)


@pytest.mark.parametrize("method", ["kogge-stone", "brent-kung", "blelloch"])
@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_scan_network_has_a_dot_for_each_combine(ax, method, n):
    result = scan(ADD, np.arange(n), method=method, trace=True)
    figures.scan_network(ax, result.levels, n, into=n - 1)
    dots = [line for line in ax.get_lines() if len(line.get_xdata()) == 1]
    assert len(dots) == sum(len(level) for level in result.levels)
    assert len(ax.get_xticklabels()) == n


def test_history_of_an_output_reaches_every_input():
    from paralg.figures.networks import _history

    levels = scan(ADD, np.arange(8), method="kogge-stone", trace=True).levels
    levels = [[tuple(pair) for pair in level] for level in levels]
    assert len(_history(levels, 7)) == 7  # a tree over eight elements
    assert _history(levels, None) == set()


def test_scan_network_refuses_wires_outside(ax):
    with pytest.raises(ValueError, match=r"wires must be at least 0, got \(-1, 2\)"):
        figures.scan_network(ax, [[(-1, 2)]], 2)


@pytest.mark.parametrize("parents", [[-1], [-1, 0, 0, 1, 1, 4], [-1, -1, 0]])
def test_tree_draws_every_node(ax, parents):
    figures.tree(ax, parents, marked=[0])
    assert len(_texts(ax)) == len(parents)


def test_tree_puts_parents_over_their_leaves():
    from paralg.figures.networks import _depths, _tree_columns

    parents = [-1, 0, 0, 1, 1]
    assert _tree_columns(parents, _depths(parents)) == [1.25, 0.5, 2.0, 0.0, 1.0]


@pytest.mark.parametrize("parents", [[1, 0], [5]])
def test_tree_refuses_circles(ax, parents):
    with pytest.raises(ValueError, match="parents must form a tree"):
        figures.tree(ax, parents)

"""Figures, tables, listings and explorers."""

import matplotlib

matplotlib.use("agg")

import numpy as np
from matplotlib.figure import Figure

import paralg.figures as figures
from paralg.core.schedule import list_schedule
from tests.project.arguments import Call

COVERS = ("paralg.figures",)
NOT = {"Listing": "made by show_source"}

P, S = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.5, 3.0])
CODES = np.array([[1, 0, 3, 4], [1, 3, 2, 0]])
FREE = "longer,broadcast,empty"
SCRIPT, STILL = "export default { render() {} }", "<svg></svg>"
AX = Figure().add_subplot()


def drawn(function, arguments, fine=None, of=None):
    """Draw on axes of its own; the result is how many things were drawn."""
    ax = Figure().add_subplot()

    def run(**how):
        before = ax.get_children()  # what is new is taken away: quicker than to clear the axes
        try:
            function(ax, **how)
        finally:
            new = [one for one in ax.get_children() if one not in before]
            for one in new:
                one.remove()
            ax.figure.legends.clear()
        return len(new)

    name = of or function.__name__
    return Call(name, run, arguments, fine=fine or {})


def named():
    return list_schedule([2, 1, 3], 2, names=["a", "b", "c"])


CALLS = [
    Call("ink", figures.ink, {"ground": figures.BLUE}),
    Call("rc", lambda size: figures.rc(size=size)["font.size"], {"size": 9.0}),
    Call("use", lambda size, formats: figures.use(size=size, formats=formats),
         {"size": 10.0, "formats": "svg"}),
    drawn(figures.speedup, {"p": P, "measured": S, "predicted": S, "bound": S},
          fine={"measured": "none,nan,inf,-inf", "predicted": "none,nan,inf,-inf",
                "bound": "none,nan,inf,-inf"}),
    drawn(lambda ax, spread: figures.speedup(ax, P, S, spread=spread), {"spread": (S, S + 1)},
          of="speedup", fine={"spread": "none,nan,inf,-inf"}),
    drawn(lambda ax, n, work, span: figures.work_span(ax, n, {"one": (work, span)}),
          {"n": P, "work": S, "span": S}, of="work_span", fine={"n": "nan,inf,-inf",
          "work": "nan,inf,-inf", "span": "nan,inf,-inf"}),
    drawn(lambda ax, methods: figures.work_span(ax, P, methods), {"methods": {"one": (S, S)}},
          of="work_span"),
    drawn(lambda ax, pad: (ax.plot(P, S, label="one"), figures.name_lines(ax, pad=pad)),
          {"pad": 6.0}, of="name_lines", fine={"pad": "zero,negative"}),
    drawn(figures.raster, {"trace": CODES, "tokens": ["a", "b", "c", "d"]},
          fine={"trace": FREE + ",booleans", "tokens": "none"}),
    Call("rasters", lambda traces: figures.rasters([AX], traces) and 0,
         {"traces": {"one": CODES}}),
    drawn(figures.gantt, {"schedule": named(), "kinds": {"a": "x", "b": "x", "c": "y"}},
          fine={"kinds": "none"}),
    drawn(figures.scan_network, {"levels": [[(0, 1), (2, 3)], [(1, 3)]], "n": 4, "into": 3,
                                 "labels": ["a", "b", "c", "d"]},
          fine={"into": "zero,none,negative", "labels": "none"}),
    drawn(figures.tree, {"parents": [-1, 0, 0], "labels": ["a", "b", "c"], "marked": {1}},
          fine={"labels": "none", "marked": ""}),
    drawn(lambda ax, parents: figures.tree(ax, parents), {"parents": np.array([-1, 0, 0])},
          of="tree", fine={"parents": FREE}),
    Call("Table", lambda header, rows, caption: figures.Table(header, rows, caption).rows,
         {"header": ("a", "b"), "rows": [(1, 2.0)], "caption": "what"},
         fine={"caption": "unknown,empty"}),
    Call("show_source", lambda obj, docstring: figures.show_source(obj, docstring=docstring),
         {"obj": figures.ink, "docstring": "none"}),
    Call("recorded_speedup", figures.recorded_speedup, {"chapter": "mamba"}),
    Call("Explorer", lambda **how: figures.Explorer(script=SCRIPT, still=STILL, **how).name,
         {"name": "one", "state": {"n": 1}, "caption": "what it is",
          "alt": "Line chart: y against x, one line that rises", "table": (("a",), [(1,)])},
         fine={"name": "unknown", "caption": "unknown", "alt": "unknown", "table": "none"}),
]  # fmt: skip

"""The style of every figure: transparent, mid-grey axes, Okabe–Ito colours, marks and dashes."""

from paralg.core import checks

__all__ = [
    "BLACK", "BLUE", "GREEN", "GREY", "MARKS", "MEANINGS", "ORANGE", "PALETTE", "PURPLE", "SKY",
    "VERMILION", "YELLOW", "ink", "rc", "use",
]  # fmt: skip

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
YELLOW = "#F0E442"  # fills only: too pale for a line on white
BLACK = "#000000"  # never on a transparent background; GREY takes its place
GREY = "#767676"  # 4.5:1 on white, 3.9:1 on the dark theme's background

PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY)
MARKS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (3, 1)), (0, (1, 1)))

MEANINGS = {"baseline": BLUE, "parallel": VERMILION, "bound": GREEN, "ideal": GREY}


def ink(ground: str) -> str:
    """Return black or white, whichever is read on `ground`, of the palette, at a contrast of 4.5.

    >>> ink(BLUE)
    'white'
    """
    checks.one_of("ground", ground, (*PALETTE, YELLOW, BLACK))
    return "white" if ground == BLUE else BLACK


def rc(*, size: float = 10.0) -> dict:
    """Return the book's style for ``matplotlib.rcParams``; `size` is the base font's, in points."""
    from cycler import cycler

    checks.number("size", size, above=0)
    greys = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    see_through = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    cycle = cycler(color=PALETTE) + cycler(marker=MARKS) + cycler(linestyle=DASHES)
    sizes = dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize"), size)
    sizes |= {"legend.fontsize": size - 1, "axes.prop_cycle": cycle}
    return dict.fromkeys(greys, GREY) | dict.fromkeys(see_through, "none") | _FIXED | sizes


_FIXED = {
    "svg.hashsalt": "paralg",  # the ids inside an SVG are the same at every run
    "figure.figsize": (6.4, 3.6), "figure.constrained_layout.use": True,
    "savefig.transparent": True, "image.cmap": "viridis",
    "font.family": "sans-serif", "mathtext.fontset": "dejavusans", "legend.frameon": False,
    "axes.edgecolor": GREY, "axes.linewidth": 0.8, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False,
    "grid.color": GREY, "grid.alpha": 0.25, "grid.linewidth": 0.6,
    "hatch.color": BLACK, "hatch.linewidth": 0.6, "patch.linewidth": 0.6,
    "lines.linewidth": 1.8, "lines.markersize": 5, "lines.markeredgewidth": 0,
    "errorbar.capsize": 2,
}  # fmt: skip


def use(*, size: float = 10.0, formats: str = "svg") -> None:
    """Switch matplotlib, and the notebook around it, to the book's style.

    Parameters
    ----------
    size : float
        Base font size, points.
    formats : {"svg", "png"}
        Kind of picture a notebook stores; "png" (at 2x) is for plots of many thousand marks.
    """
    checks.one_of("formats", formats, ("svg", "png"))
    import matplotlib

    matplotlib.rcParams.update(rc(size=size))
    _set_notebook_format(formats)


def _set_notebook_format(formats: str) -> None:
    """Choose the notebook's picture format, without a date; outside IPython do nothing."""
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is None:
        return
    import matplotlib.pyplot as plt

    if "inline" in plt.get_backend():  # it draws what it shows; pyplot would draw that once before
        plt.uninstall_repl_displayhook()
    metadata = {"Date": None} if formats == "svg" else {"Software": None}
    set_matplotlib_formats({"png": "retina"}.get(formats, formats), metadata=metadata)

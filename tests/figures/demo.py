"""An explorer with every control of the kit, for the tests."""

from pathlib import Path

from paralg.figures import Explorer

SCRIPT = Path(__file__).with_name("demo_explorer.js")
WORK, SPAN = 4096, 256


def still():
    """Return the figure that stands in print."""
    import matplotlib.pyplot as plt

    from paralg import figures

    fig, ax = plt.subplots(figsize=(6, 2.6))
    p = [1, 2, 4, 8, 16, 32]
    return figures.speedup(ax, p, predicted=[bound(q) for q in p]).figure


def bound(p):
    """Return the speed-up that Brent's bound promises on p workers."""
    return WORK / ((WORK - SPAN) / p + SPAN)


def explorer(name="demo", **changes):
    """Return the demonstration explorer."""
    parts = {
        "script": SCRIPT,
        "state": {"cost": {"work": WORK, "span": SPAN}},
        "still": still(),
        "caption": "Brent's bound: more workers help until the span takes over.",
        "alt": "Line chart: speed-up against workers; the curve bends where p equals W/S.",
        "table": (["workers", "speed-up"], [[p, bound(p)] for p in (1, 2, 4, 8, 16, 32)]),
    }
    return Explorer(name, **(parts | changes))

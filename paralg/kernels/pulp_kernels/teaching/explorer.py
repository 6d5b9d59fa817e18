"""Explorer: one input on p cores; cut, reduction and arithmetic decide who waits."""

from pathlib import Path

import numpy as np

from paralg.kernels.pulp_kernels.kernels import linear
from paralg.kernels.pulp_kernels.team import REDUCTIONS, Team
from paralg.kernels.pulp_kernels.theory import BACKENDS, Cluster, prices

__all__ = ["CUTS", "explorer", "schedule_of"]

CUTS = ("rows", *(f"columns, {how}" for how in REDUCTIONS))


def schedule_of(cut: str, backend: str, c: int = 10, d: int = 64, p: int = 8, barrier: float = 25):
    """Return schedule, time on one core and on p of a linear kernel."""
    machine = Cluster(prices(backend), barrier=barrier)
    given = {"cut": "horizontal"} if cut == "rows" else {"how": cut.removeprefix("columns, ")}
    zeros = np.zeros((c, d)), np.zeros(c), np.zeros((1, d))
    one, many = (linear(Team(k), *zeros, **given).phases for k in (1, p))
    return machine.schedule(many), machine.time(one), machine.time(many)


def explorer():
    """Return the interactive figure: move cores, shape, cut, arithmetic and the barrier's price."""
    import matplotlib.pyplot as plt

    from paralg.figures import Explorer, gantt

    still, ax = plt.subplots(figsize=(6.4, 2.8))
    gantt(ax, schedule_of(CUTS[3], "native")[0])
    ax.set(xlabel="cycles", ylabel="core")
    rows = [(f"{cut}; {one}", f"{t:,.0f}", f"{s:.2f}") for one in BACKENDS[:3] for cut in CUTS
            for _, base, t in [schedule_of(cut, one)] for s in [base / t]]  # fmt: skip
    return Explorer(
        name="pulp-cores", script=Path(__file__).with_suffix(".js"), still=still,
        state={"cuts": list(CUTS), "backends": {one: prices(one) for one in BACKENDS[:3]},
               "fork": Cluster().fork},
        caption="One input of a linear classifier. A bar is what a core does; a gap is a barrier, "
        "or a core that waits.",
        alt="Gantt chart of eight cores: all multiply for 640 cycles, add partial sums for 84, and "
        "core 0 compares ten numbers alone.",
        table=(("cut; arithmetic", "cycles on 8 cores", "speed-up"), rows),
    )  # fmt: skip

"""Explorer: three clouds, EM stopped after a number of steps, and whether the split is accepted."""

from pathlib import Path

import numpy as np

from paralg.kernels.partitive_partitioning.experiments.clouds import cloud
from paralg.kernels.partitive_partitioning.mixture import em
from paralg.kernels.partitive_partitioning.twomeans import two_means

__all__ = ["explorer", "frames"]

CLOUDS = {"two blobs": 240, "square": 400, "two moons": 240}
STEPS = (0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 400, 800)


def frames(name: str) -> dict:
    """Return a cloud's points and sides and, after each of `STEPS` of EM, what a validator sees."""
    points, _ = cloud(name, seed=0, n=CLOUDS[name])
    cut, found = two_means(points), []
    one = em(points, np.ones((len(points), 1)), most=0)
    resp, done = np.eye(2)[cut.sides], 0
    for steps in STEPS:
        mix = em(points, resp, tol=-1, most=max(0, steps - done - 1))
        resp, done = mix.resp, steps
        same = (mix.resp[:, 1] > mix.resp[:, 0]) == cut.sides
        found.append([round(float(same.mean()), 4), round(one.bic - mix.bic, 2),
                      *map(_ellipse, mix.means, mix.covariances)])  # fmt: skip
    return {"points": points.round(3).tolist(), "sides": cut.sides.tolist(), "frames": found}


def _ellipse(mean, covariance) -> list[float]:
    """Return centre, half axes of two deviations, and angle in degrees."""
    values, vectors = np.linalg.eigh(covariance)
    angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
    half = 2 * np.sqrt(values)
    return [round(float(x), 3) for x in (*mean, half[1], half[0], angle)]


def explorer():
    """Return the interactive figure: let EM run on, move the bar of agreement, see the verdict."""
    from paralg.figures import Explorer

    state = {name: frames(name) for name in CLOUDS}
    rows = [(name, STEPS[i], *(f"{value:.3f}" for value in one["frames"][i][:2]))
            for name, one in state.items() for i in (0, 3, 7, 12)]  # fmt: skip
    return Explorer(
        name="partitive-partitioning", script=Path(__file__).with_suffix(".js"),
        still=_still(state), state={"clouds": state, "names": list(CLOUDS), "steps": list(STEPS)},
        caption="Colours are the sides of 2-means, ellipses the two Gaussians of the mixture. Let "
        "EM run on: does the mixture stay with the cut?",
        alt="Three clouds, each cut in two by colour, with the two ellipses after 200 steps of EM: "
        "they stay with the sides on two blobs and leave them on the square and on the moons.",
        table=(("cloud", "EM steps", "agreement", "gain in BIC"), rows),
    )  # fmt: skip


def _still(state):
    import matplotlib.pyplot as plt
    from matplotlib.patches import Ellipse

    fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.6))
    for ax, (name, one) in zip(axes, state.items(), strict=True):
        x, sides = np.array(one["points"]), np.array(one["sides"])
        for side, colour, mark in ((0, "#0072B2", "o"), (1, "#D55E00", "^")):
            ax.plot(*x[sides == side].T, mark, ms=2.5, color=colour)
        for a, b, wide, high, angle in one["frames"][STEPS.index(200)][2:]:
            ax.add_patch(Ellipse((a, b), 2 * wide, 2 * high, angle=angle, fill=False, ec="#888888"))
        ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel=name, xticks=[], yticks=[])
    return fig

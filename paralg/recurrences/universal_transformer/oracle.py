"""The halting rule in pure Python and double precision, one position at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Halted", "coefficients", "halt"]


@dataclass(frozen=True)
class Halted:
    """How one position halted.

    Parameters
    ----------
    steps : int
        N.
    remainder : float
        R; 0 if the rule never fired.
    mass : float
        1 after halting, less if the steps ran out.
    weights : tuple of float
        w of each step.
    """

    steps: int
    remainder: float
    mass: float
    weights: tuple[float, ...]


def halt(p: Sequence[float], *, epsilon: float = 0.01, close: bool = False) -> Halted:
    """Run the halting rule on the probabilities of one position.

    Parameters
    ----------
    p : sequence of float
        Halting probability of each permitted step.
    epsilon : float
    close : bool
        Whether the last permitted step takes all that is left.

    Returns
    -------
    Halted

    Examples
    --------
    >>> halt([0.25, 0.5, 0.5])
    Halted(steps=3, remainder=0.25, mass=1.0, weights=(0.25, 0.5, 0.25))
    >>> halt([0.1, 0.1])
    Halted(steps=2, remainder=0.0, mass=0.2, weights=(0.1, 0.1))
    """
    mass, weights = 0.0, []
    for step, probability in enumerate(p, 1):
        if mass + probability > 1 - epsilon or (close and step == len(p)):
            left = 1 - mass
            return Halted(step, left, 1.0, (*weights, left))
        mass += probability
        weights.append(probability)
    return Halted(len(weights), 0.0, mass, tuple(weights))


def coefficients(weights: Sequence[float], output: str = "blend") -> list[float]:
    r"""Return what each step's state counts in the output.

    Parameters
    ----------
    weights : sequence of float
    output : {"blend", "accumulated"}
        :math:`w_t \prod_{u > t} (1 - w_u)`, or :math:`w_t`.

    Raises
    ------
    ValueError
        Another rule.

    Examples
    --------
    >>> [round(c, 3) for c in coefficients([0.3, 0.4, 0.3])]
    [0.126, 0.28, 0.3]
    """
    if output == "accumulated":
        return list(weights)
    if output != "blend":
        raise ValueError(f"output must be 'blend' or 'accumulated', got {output!r}")
    found, later = [], 1.0
    for w in reversed(weights):
        found.append(w * later)
        later *= 1 - w
    return found[::-1]

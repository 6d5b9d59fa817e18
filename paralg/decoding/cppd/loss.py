r"""What CPPD learns: characters, plus λ times counts and slots.

.. math:: \mathcal L = \mathrm{CE}_{\varepsilon}(\text{characters})
          + \lambda_c\, \mathrm{CE}(\text{counts}) + \lambda_o\, \mathrm{BCE}(\text{slots})

The paper has λ = 1 for both; λ = 0 is the same network without the two tasks.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from paralg.core import checks
from paralg.decoding.cppd.labels import IGNORED, Labels
from paralg.decoding.cppd.model import Output

__all__ = ["Loss", "cppd_loss", "smoothed"]


class Loss(NamedTuple):
    """The sum that is minimised, and its three parts."""

    total: Tensor
    characters: Tensor
    counts: Tensor
    slots: Tensor


def smoothed(logits: Tensor, targets: Tensor, smoothing: float = 0.1) -> Tensor:
    """Return the mean cross-entropy of logits (…, C) to 1 − ε on the targets, ε/(C − 1) elsewhere.

    ε is the `smoothing`; targets `IGNORED` do not count. torch's ε must be ε C/(C − 1) for this.
    """
    checks.sizes(logits=(logits, "f: ... C"), targets=(targets, "i: ..."))
    checks.number("smoothing", smoothing, 0, 1)
    log_p = logits[known := targets != IGNORED].log_softmax(dim=-1)
    right = log_p.gather(-1, targets[known][:, None])[:, 0]
    others = (log_p.sum(dim=-1) - right) / max(1, logits.shape[-1] - 1)
    return -((1 - smoothing) * right + smoothing * others).mean()


def existing(logits: Tensor, slots: Tensor) -> Tensor:
    """Return the loss of the ordering branch: whether each slot exists, (B, P)."""
    return F.binary_cross_entropy_with_logits(logits, slots.to(logits))


def cppd_loss(output: Output, labels: Labels, *, counting: float = 1.0, ordering: float = 1.0,
              smoothing: float = 0.1, order=existing) -> Loss:  # fmt: skip
    r"""Return the loss of a batch and its parts, as in the released code [du-2025-context].

    Parameters
    ----------
    output, labels : Output, Labels
        Logits, and counts of the same characters; one beyond the last class is learned as that.
    counting, ordering : float
        Weights :math:`\lambda_c` and :math:`\lambda_o`, 1 in the paper.
    smoothing, order : float, callable (logits, slots) -> Tensor
        ε of the characters; loss of what `CPPD.order` returns.

    Examples
    --------
    >>> from paralg.decoding.cppd.labels import CharacterSet
    >>> labels = CharacterSet("01", 3).encode(["0", "110"])
    >>> unsure = Output(torch.zeros(2, 4, 3), torch.zeros(2, 3, 3), torch.zeros(2, 4))
    >>> [round(part.exp().item(), 3) for part in cppd_loss(unsure, labels)]
    [18.0, 3.0, 3.0, 2.0]
    """
    checks.instance("output", output, Output), checks.instance("labels", labels, Labels)
    checks.number("counting", counting, 0), checks.number("ordering", ordering, 0)
    characters, counts, slots = map(torch.as_tensor, labels)
    parts = (
        smoothed(output.characters, characters, smoothing),
        F.cross_entropy(output.counts.flatten(0, 1),
                        counts.clamp(max=output.counts.shape[-1] - 1).flatten()),
        order(output.slots, slots),
    )  # fmt: skip
    return Loss(parts[0] + counting * parts[1] + ordering * parts[2], *parts)

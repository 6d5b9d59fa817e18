r"""The energy without an autoregressive model: tell data from the denoiser's own candidates.

[xu-2025-energy]  A classifier of the masked x and a whole candidate y minimises
:math:`-\log\sigma(-E(y^+, x)) - \log\sigma(E(y^-, x))` over data :math:`y^+` and candidates
:math:`y^- \sim \mu(\cdot|x)`. The best has :math:`E^* = -\log[q(y|x)/\mu(y|x)]`, so Z = 1.
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paralg.core import checks
from paralg.decoding.energy_diffusion.energies import operands
from paralg.models.slots import to_numpy, to_torch, without_gradients
from paralg.models.transformer import Transformer

__all__ = ["EnergyNetwork", "NoiseContrastive", "contrastive_loss"]


class EnergyNetwork(nn.Module):
    """A scalar of (x, y): the denoiser's layers over pairs of tokens, then a mean over positions.

    Token table, positions, blocks and last norm are copied from the denoiser; new, drawn from the
    seed, are the layer that joins two tokens, the last layer, and the small network of the scalar.
    """

    def __init__(self, denoiser: Transformer, seed: int = 0):
        super().__init__()
        checks.instance("denoiser", denoiser, Transformer)
        for name in ("token", "position", "blocks", "norm"):
            setattr(self, name, copy.deepcopy(getattr(denoiser, name)))
        self.config, width = denoiser.config, denoiser.config.width
        self.turns = denoiser.turn
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(checks.integer("seed", seed))
            self.join, self.out = nn.Linear(2 * width, width), nn.Linear(width, width)
            last = nn.Linear(width, 1, bias=False)
            self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), last)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the energies of n pairs of rows, both of shape (n, L)."""
        at = torch.arange(x.shape[1])
        h = self.join(torch.cat([self.token(x), self.token(y)], dim=-1)) + self.position(at)
        turn = (self.turns.real[None].to(h), self.turns.imag[None].to(h))
        for block in self.blocks:
            h, _ = block(h, turn if self.config.rotary else None, None, None)
        return self.score(self.out(self.norm(h)).mean(dim=1))[:, 0]


class NoiseContrastive:
    """EDLM-NCE: a trained network as an `Energy`; it knows μ from its training alone.

    Parameters
    ----------
    network : EnergyNetwork

    Examples
    --------
    >>> from paralg.models import TransformerConfig
    >>> network = EnergyNetwork(Transformer(TransformerConfig(V=4, L=16)), seed=0)
    >>> NoiseContrastive(network)(np.full(16, 4), np.zeros((2, 16), int), np.zeros(2)).shape
    (2,)
    """

    def __init__(self, network: EnergyNetwork):
        checks.instance("network", network, EnergyNetwork)
        self.network = network.eval()

    def __call__(self, x, candidates, log_mu):
        x, y, _ = operands(self.network.config, x, candidates, log_mu)
        pairs = (np.broadcast_to(x, y.shape), y)
        with without_gradients():
            energies = self.network(*(to_torch(one.reshape(-1, y.shape[-1])) for one in pairs))
            return to_numpy(energies).reshape(y.shape[:-1])


def contrastive_loss(
    network: EnergyNetwork, denoiser: Transformer, y: np.ndarray, masked: np.ndarray, rng
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the loss, 2 log 2 for E = 0, and the share of rows that are classified rightly.

    ``y`` and ``masked``, (n, L), are data and what is masked in x; one negative of each row is
    drawn from the frozen denoiser. Both are means over the rows that have a mask.
    """
    checks.sizes(y=(y, "i: n L"), masked=(masked, "b: n L"))
    some = masked.any(axis=1)
    y, masked = y[some], masked[some]
    x = to_torch(np.where(masked, network.config.V, y))
    with torch.no_grad():
        logits = denoiser(x, torch.arange(x.shape[1]))[0].numpy()
    drawn = (logits + rng.gumbel(size=logits.shape)).argmax(axis=-1)
    positive = network(x, to_torch(y))
    negative = network(x, to_torch(np.where(masked, drawn, y)))
    right = (positive < 0).float() + (negative > 0).float()
    return (F.softplus(positive) + F.softplus(-negative)).mean(), right.mean() / 2

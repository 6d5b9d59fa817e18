"""Energies of Sudoku trained by noise contrast: run this module with ``nce`` and ``--seed``."""

import sys
from pathlib import Path

import numpy as np

from paralg.data.sudoku4 import grids
from paralg.decoding.energy_diffusion.experiments.sudoku import puzzles, rates
from paralg.decoding.energy_diffusion.nce import EnergyNetwork, NoiseContrastive, contrastive_loss
from paralg.models import load
from paralg.models.objectives import draw_masks
from paralg.training import Plan, Runs

__all__ = ["RUNS", "trained"]

BATCH = 64
PLANS = {"nce": Plan("nce", steps=800, rate=1e-3)}


def _build(name: str, seed: int) -> EnergyNetwork:
    return EnergyNetwork(load("sudoku4-bidirectional").transformer, seed)


def _loss(name: str):
    denoiser = load("sudoku4-bidirectional").transformer

    def loss(network, rng, step):
        y = grids()[rng.integers(0, len(grids()), BATCH)]
        masked = draw_masks(y.shape[1], np.zeros(BATCH, dtype=np.int64), rng)
        found, accuracy = contrastive_loss(network, denoiser, y, masked, rng)
        return found, {"accuracy": accuracy.item()}

    return loss


def _score(network: EnergyNetwork, name: str) -> dict[str, float]:
    """Valid grids of 200 puzzles with six givens, in one step, by number of candidates."""
    family, x = load("sudoku4"), puzzles(200, 6)
    return {f"valid, k = {k}": rates(family, x, 1, k, NoiseContrastive(network))["valid"]
            for k in (4, 16)}  # fmt: skip


RUNS = Runs(
    Path(__file__).with_name("weights"), PLANS, _build, _loss, _score, kept=("nce-0",), half=True,
    facts=lambda network, name: {"parameters": sum(p.numel() for p in network.parameters())},
)  # fmt: skip


def trained(seed: int = 0) -> NoiseContrastive:
    """Return a shipped energy."""
    return NoiseContrastive(RUNS.load("nce", seed))


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.energy_diffusion.experiments.runs"))

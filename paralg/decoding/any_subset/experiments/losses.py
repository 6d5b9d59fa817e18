"""What the network learns from: the joint in lattice order, in any order, tokens apart, or both.

``python -m paralg.decoding.any_subset.experiments.losses NAME --seed 0``; only logs are kept.
"""

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from paralg.decoding.any_subset.decoder import assd
from paralg.decoding.any_subset.experiments.tasks import decode_all, puzzles, valid
from paralg.decoding.any_subset.streams import log_density
from paralg.decoding.sudoku import grids
from paralg.models import Network, Transformer, TransformerConfig, masks
from paralg.models.objectives import anyorder, draw_ranks
from paralg.training import Plan, Runs

__all__ = ["LOSSES", "RUNS", "both", "evaluate", "parallel"]

STEPS, ROWS, SIZES = 600, 32, TransformerConfig(V=4, L=16, width=32)


def parallel(transformer, x, given, rng):
    """Mean cross-entropy after the prompt, of each token given the prompt alone."""
    length = x.shape[1]
    rank, prompt = draw_ranks(length, given, rng, ascending=True)
    slots = np.concatenate([x, np.full_like(x, transformer.config.V)], axis=1)
    ids, mask = torch.arange(length).repeat(2), masks.two_streams(rank, prompt[:, None])
    logits, _ = transformer(torch.from_numpy(slots), ids, torch.from_numpy(mask))
    nats = F.cross_entropy(logits[:, length:].transpose(1, 2), torch.from_numpy(x),
                           reduction="none")  # fmt: skip
    wanted = torch.from_numpy(rank >= prompt[:, None])
    return ((nats * wanted).sum(1) / wanted.sum(1)).mean()


def _joint(*, ascending):
    return lambda *operands: anyorder(*operands, ascending=ascending)


def both(*operands):
    """Mean of the joint loss in lattice order and of the parallel loss."""
    return (anyorder(*operands, ascending=True) + parallel(*operands)) / 2


LOSSES = {"lattice": _joint(ascending=True), "any-order": _joint(ascending=False),
          "parallel": parallel, "both": both}  # fmt: skip
"""Joint loss of one order a prompt, of random orders; of tokens apart; joint and apart."""


def _loss(name: str):
    def loss(transformer, rng, step):
        x = grids()[rng.integers(0, len(grids()), ROWS)]
        return LOSSES[name](transformer, x, np.zeros(ROWS, dtype=np.int64), rng), {}

    return loss


def evaluate(network, n: int = 100) -> dict[str, float]:
    """Nats a cell of true grids given four cells, valid samples, calls at k = 5; in lattice order.

    The nats of the exact distribution stand beside them.
    """
    from paralg.decoding.sudoku import Sudoku4

    prompts, exact, rng = puzzles(n, 4), Sudoku4(), np.random.default_rng(0)
    nats = {"nats": [], "least": []}
    for x in prompts:
        known = x < 4
        fits = grids()[(grids()[:, known] == x[known]).all(axis=1)]
        y = fits[rng.integers(len(fits))]
        nats["nats"].append(-log_density(network, y, x).mean())
        nats["least"].append(-log_density(exact, y, x).mean())
    runs = decode_all(assd, network, prompts, k=5)
    found = {name: float(np.mean(values)) for name, values in nats.items()}
    found |= {"valid": valid(runs), "calls": float(np.mean([run.forwards for run in runs]))}
    return {name: round(value, 4) for name, value in found.items()}


RUNS = Runs(
    Path(__file__).with_name("weights"),
    {name: Plan(name, STEPS, rate=3e-3, floor=0.05) for name in LOSSES},
    build=lambda name, seed: Transformer(SIZES, seed), loss=_loss,
    score=lambda model, name: evaluate(Network(model, "anyorder", name)), kept=(),
    facts=lambda model, name: {"config": asdict(SIZES)},
    optimiser=lambda model, plan: torch.optim.AdamW(model.parameters(), lr=plan.rate),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.any_subset.experiments.losses"))

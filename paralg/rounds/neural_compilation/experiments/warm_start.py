"""Gradient descent from compiled weights: breadth-first search with noise, trained on its rounds.

Ids are divided by M, so that all weights but ``logit`` are of order one [reconstructed].
"""

import numpy as np
import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.rounds.neural_compilation import BFS, internal_faithfulness
from paralg.rounds.neural_compilation.algorithms import M
from paralg.rounds.neural_compilation.experiments.probes import compiled_attention, deciding
from paralg.rounds.neural_compilation.experiments.traces import TASKS, TraceBatch, draw
from paralg.rounds.neural_compilation.layer import SLOPE
from paralg.training import Plan, train

__all__ = ["CompiledStart", "from_compiled"]

BETA, SIZES, BATCH = 10.0, (4, 6, 8, 10, 12), 32
_UNITS = np.array([1 / M, 1, 1, 1 / M, 1 / M, 1 / M, 1 / M, 1])  # of id, r, pointers, d


class CompiledStart(nn.Module):
    """The eight arrays of compiled BFS as parameters, plus noise; ``None`` is a random start."""

    def __init__(self, noise: float | None, seed: int):
        super().__init__()
        rng, weights = np.random.default_rng(seed), vars(BFS(BETA).layers[0])
        for name, value in weights.items():
            if name in ("message", "own", "bias"):
                value = (value.T * _UNITS).T
            if name in ("message", "own", "sender"):
                value = value / _UNITS
            if name == "sender":
                value = value / (scale := np.abs(value).max())
            if name == "logit":
                value = np.array([1.0, -1.0]) / (1 + SLOPE) if noise is None else value * scale
            else:
                drawn = rng.normal(size=value.shape)
                value = 0.3 * drawn if noise is None else value + noise * drawn
            setattr(self, name, nn.Parameter(torch.tensor(value).float()))

    def forward(self, batch: TraceBatch) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Return reached flags and pointers (B, n), and attention, after each round."""
        A, n = torch.from_numpy(batch.A).float(), batch.A.shape[-1]
        eye, found = torch.eye(n).expand_as(A), ([], [], [])
        edges, mask = torch.stack([A, eye], dim=-1), (A + eye) > 0
        z = torch.zeros(len(A), n, 8)
        z[..., 0] = torch.arange(n) / M
        z[torch.arange(len(A)), torch.from_numpy(batch.source), 1] = 1
        for _ in range(int(batch.lengths.max()) - 1):
            u = (z @ self.sender.T)[:, None] + (z @ self.receiver.T)[:, :, None]
            u = nn.functional.leaky_relu(u + edges @ self.edge.T, SLOPE) @ self.logit
            alpha = u.masked_fill(~mask, -torch.inf).softmax(dim=-1)
            heard = alpha @ (z @ self.message.T)
            heard = heard + (alpha[..., None] * edges).sum(2) @ self.message_edge.T
            z = torch.relu(heard + z @ self.own.T + self.bias)
            offset = z[..., 3] + z[..., 4] - z[..., 5] - z[..., 6]
            found[0].append(z[..., 1] - z[..., 2])
            found[1].append(M * (z[..., 0] + offset)), found[2].append(alpha)
        return found


def round_loss(model: CompiledStart, batch: TraceBatch) -> Tensor:
    """Squared error of reached flag, and of the pointer in units of n, over all rounds."""
    reach, pointers, _ = model(batch)
    true = {name: torch.from_numpy(value[1:]).float() for name, value in batch.hints.items()}
    n = batch.A.shape[-1]
    return ((torch.stack(reach) - true["reach"]).square().mean()
            + ((torch.stack(pointers) - true["pi"]) / n).square().mean())  # fmt: skip


@torch.no_grad()
def measure(model: CompiledStart, batch: TraceBatch) -> dict[str, float]:
    """Return share of right pointers, F_int on all and on deciding nodes, loss."""
    _, pointers, attention = model(batch)
    right = np.round(pointers[-1].numpy()) == batch.hints["pi"][-1]
    rows = {"faithful": np.arange(len(attention))[:, None] < batch.lengths - 1,
            "deciding": deciding(batch)}  # fmt: skip
    alpha, exact = torch.stack(attention).double().numpy(), compiled_attention(BFS(), batch)
    found = {name: internal_faithfulness(alpha, exact, live) for name, live in rows.items()}
    return found | {"right": float(right.mean()), "loss": round_loss(model, batch).item()}


def from_compiled(noise: float | None, seed: int, steps: int, rate: float = 1e-3):
    """Train from compiled weights plus noise; return measures before and after."""
    checks.integers(seed=seed, steps=steps)
    model, task = CompiledStart(noise, seed), TASKS["bfs"]
    held_out = draw(task, 12, 64, np.random.default_rng([2026, 12]))

    def loss(model, rng, step):
        return round_loss(model, draw(task, int(rng.choice(SIZES)), BATCH, rng)), {}

    before = measure(model, held_out)
    train(Plan("warm", steps, rate=rate, warmup=1, decay=0.0), model, loss, seed=seed)
    return {"before": before, "after": measure(model, held_out)}

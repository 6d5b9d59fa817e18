"""What a trained network's states say about the algorithm: attention and linear probes."""

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.rounds.neural_compilation.algorithms import (
    BFS,
    BellmanFord,
    CompiledAlgorithm,
    run_compiled,
)
from paralg.rounds.neural_compilation.experiments.faithfulness import (
    FaithfulnessReport,
    faithfulness,
)
from paralg.rounds.neural_compilation.experiments.network import HintNetwork, HintRollout, rollout
from paralg.rounds.neural_compilation.experiments.traces import Batch
from paralg.rounds.neural_compilation.variants import HighestIdBFS, SelfFirstBFS

__all__ = ["REFERENCES", "compiled_attention", "deciding", "linear_probe", "probe_states", "report"]

REFERENCES = {
    "bfs": {"lowest id": BFS(), "highest id": HighestIdBFS(), "self first": SelfFirstBFS()},
    "bellman-ford": {"keep": BellmanFord(), "take again": BellmanFord(keep=-1e-6)},
}  # fmt: skip
"""Exact compilations; the two of Bellman–Ford agree where no two ways are equally long."""


def compiled_attention(algorithm: CompiledAlgorithm, batch: Batch) -> NDArray[np.float64]:
    """Return attention (T − 1, B, n, n) of a compiled algorithm, its last round repeated."""
    checks.instance("algorithm", algorithm, CompiledAlgorithm)
    checks.instance("batch", batch, Batch)
    steps = max(1, int(batch.lengths.max()) - 1)
    runs = [run_compiled(algorithm, A, int(s)).attention
            for A, s in zip(batch.A, batch.source, strict=True)]  # fmt: skip
    return np.array([[run[min(t, len(run) - 1)][0] for run in runs] for t in range(steps)])


def attention_of(done: HintRollout) -> NDArray[np.float64]:
    """Return attention (T − 1, B, n, n) of a network."""
    return np.stack([alpha.numpy() for alpha in done.alpha]).astype(float)


def deciding(batch: Batch) -> NDArray[np.bool_]:
    """Return which nodes get a new pointer in a round, (T − 1, B, n): only their attention acts."""
    pi = batch.hints["pi"]
    return pi[1:] != pi[:-1]


def report(model: HintNetwork, batch: Batch, *, only_deciding: bool = False) -> FaithfulnessReport:
    """Compare a network's attention with all references of its task, on all or deciding rows."""
    found = attention_of(done := rollout(model, batch))
    references = {name: compiled_attention(one, batch)
                  for name, one in REFERENCES[model.task.name].items()}  # fmt: skip
    mask = np.broadcast_to((batch.A > 0) | np.eye(batch.A.shape[-1], dtype=bool), found.shape)
    return faithfulness(found, references, mask,
                        deciding(batch) if only_deciding else done.live)  # fmt: skip


def linear_probe(
    x: NDArray, y: NDArray, train: NDArray, *, classify: bool, ridge: float = 1e-2
) -> float:  # fmt: skip
    """Return the score of a ridge regression on the other rows: share right of a flag, or R²."""
    x = np.column_stack([(x - x[train].mean(0)) / (x[train].std(0) + 1e-9), np.ones(len(x))])
    target = y.astype(float)
    gram = x[train].T @ x[train] + ridge * train.sum() * np.eye(x.shape[1])
    guess = x[~train] @ np.linalg.solve(gram, x[train].T @ target[train])
    truth = target[~train]
    if classify:
        return float(((guess > 0.5) == (truth > 0.5)).mean())
    return float(1 - np.square(guess - truth).sum() / np.square(truth - truth.mean()).sum())


def probe_states(model: HintNetwork, batch: Batch) -> dict[str, dict[str, float]]:
    """Return probe scores of hidden states (h alone): is it reached, how far, and by whom.

    Distance and predecessor (as R²) are asked of reached nodes only. Beside each the score of the
    answer that needs no state: the more frequent flag, or R² 0.
    """
    done, n = rollout(model, batch), batch.A.shape[-1]
    half = np.arange(len(batch.A)) < len(batch.A) // 2
    reached = batch.hints["reach" if "reach" in batch.hints else "mask"]
    steps = np.arange(len(reached))[:, None, None]
    depth = steps + 1 - np.cumsum(reached, axis=0)  # the round in which a node was reached
    far = batch.hints.get("value", depth)[1:][done.live]
    x = np.stack([y[..., -model.width :].numpy() for y in done.states])[done.live]
    flags, who = reached[1:][done.live], batch.hints["pi"][1:][done.live] / n
    train = np.broadcast_to(np.broadcast_to(half, done.live.shape)[done.live][:, None], flags.shape)
    x, flags, far, who, train = (
        one.reshape(flags.size, -1).squeeze() for one in (x, flags, far, who, train)
    )
    share = flags[~train].mean()
    found = {"reached": {"probe": linear_probe(x, flags, train, classify=True),
                         "guess": float(max(share, 1 - share))}}  # fmt: skip
    for name, y in (("distance", far), ("predecessor", who)):
        score = linear_probe(x[flags], y[flags], train[flags], classify=False)
        found[name] = {"probe": score, "guess": 0.0}
    return found

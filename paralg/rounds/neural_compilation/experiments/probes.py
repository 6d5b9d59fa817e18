"""What a trained network's states say about the algorithm: attention and linear probes."""

import numpy as np
from numpy.typing import NDArray

from paralg.rounds.neural_compilation import (
    BFS,
    BellmanFord,
    CompiledAlgorithm,
    FaithfulnessReport,
    HighestIdBFS,
    SelfFirstBFS,
    faithfulness,
    run_compiled,
)  # fmt: skip
from paralg.rounds.neural_compilation.experiments.network import HintNetwork, HintRollout, rollout
from paralg.rounds.neural_compilation.experiments.traces import TraceBatch

__all__ = ["REFERENCES", "compiled_attention", "deciding", "linear_probe", "probe_states", "report"]

REFERENCES = {
    "bfs": {"lowest id": BFS(), "highest id": HighestIdBFS(), "self first": SelfFirstBFS()},
    "bellman-ford": {"keep": BellmanFord(), "take again": BellmanFord(keep=-1e-6)},
}  # fmt: skip


def compiled_attention(algorithm: CompiledAlgorithm, batch: TraceBatch) -> NDArray[np.float64]:
    """Return attention (T − 1, B, n, n) of a compiled algorithm, its last round repeated."""
    steps = max(1, int(batch.lengths.max()) - 1)
    runs = [run_compiled(algorithm, A, int(s)).attention
            for A, s in zip(batch.A, batch.source, strict=True)]  # fmt: skip
    return np.array([[run[min(t, len(run) - 1)][0] for run in runs] for t in range(steps)])


def attention_of(done: HintRollout) -> NDArray[np.float64]:
    """Return attention (T − 1, B, n, n) of a network."""
    return np.stack([alpha.numpy() for alpha in done.alpha]).astype(float)


def deciding(batch: TraceBatch) -> NDArray[np.bool_]:
    """Return which nodes get a new pointer in a round, (T − 1, B, n): only their attention acts."""
    pi = batch.hints["pi"]
    return pi[1:] != pi[:-1]


def report(model: HintNetwork, batch: TraceBatch, only_deciding=False) -> FaithfulnessReport:
    """Compare a network's attention with all references of its task, on all or deciding rows."""
    found = attention_of(done := rollout(model, batch))
    references = {name: compiled_attention(one, batch)
                  for name, one in REFERENCES[model.task.name].items()}  # fmt: skip
    mask = np.broadcast_to((batch.A > 0) | np.eye(batch.A.shape[-1], dtype=bool), found.shape)
    return faithfulness(found, references, mask, deciding(batch) if only_deciding else done.live)


def linear_probe(x: NDArray, y: NDArray, train: NDArray, ridge: float = 1e-2) -> float:
    """Return R² of a ridge regression on the rows that it was not trained on."""
    x = np.column_stack([(x - x[train].mean(0)) / (x[train].std(0) + 1e-9), np.ones(len(x))])
    gram = x[train].T @ x[train] + ridge * train.sum() * np.eye(x.shape[1])
    guess, truth = x[~train] @ np.linalg.solve(gram, x[train].T @ y[train]), y[~train]
    return float(1 - np.square(guess - truth).sum() / np.square(truth - truth.mean()).sum())


def probe_states(model: HintNetwork, batch: TraceBatch) -> dict[str, float]:
    """Return R² of probes of hidden states (h alone): is a node reached, how far, and by whom.

    Distance and predecessor are asked of reached nodes only.
    """
    done, n = rollout(model, batch), batch.A.shape[-1]
    reached = batch.hints["reach" if "reach" in batch.hints else "mask"]
    depth = np.arange(1, len(reached) + 1)[:, None, None] - np.cumsum(reached, axis=0)
    far = batch.hints.get("value", depth)[1:][done.live].ravel()
    flags, who = reached[1:][done.live].ravel(), batch.hints["pi"][1:][done.live].ravel() / n
    x = np.stack([y[..., -model.width :].numpy() for y in done.states])[done.live]
    x, first = x.reshape(len(flags), -1), np.arange(len(batch.A)) < len(batch.A) // 2
    train = np.repeat(np.broadcast_to(first, done.live.shape)[done.live], n)
    return {"reached": linear_probe(x, flags.astype(float), train)} | {
        name: linear_probe(x[flags], y[flags], train[flags])
        for name, y in (("distance", far), ("predecessor", who))
    }  # fmt: skip

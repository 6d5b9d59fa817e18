"""Page 1, work, span and the simulated machine.

The reading order:

1. `dags`: small graphs of tasks, sums, Graham's anomaly.
2. `cholesky`: a factorisation as a graph that can be scheduled and run.
3. `teaching`: exercises, quiz and explorer.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Dag": "dags", "chain_sum": "dags", "graham_anomaly": "dags", "random_dag": "dags",
    "tree_sum": "dags", "WEIGHTS": "cholesky", "cholesky_dag": "cholesky",
    "run_tiled_cholesky": "cholesky", "explorer": "teaching.explorer",
})  # fmt: skip

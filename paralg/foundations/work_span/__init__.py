"""Page 1, work, span and the simulated machine: its graphs, exercises, quiz and explorer."""

from paralg.foundations.work_span.cholesky import WEIGHTS, cholesky_dag, run_tiled_cholesky
from paralg.foundations.work_span.dags import (
    Dag,
    chain_sum,
    graham_anomaly,
    random_dag,
    tree_sum,
)
from paralg.foundations.work_span.explorer import explorer

__all__ = [
    "WEIGHTS", "Dag", "chain_sum", "cholesky_dag", "explorer", "graham_anomaly", "random_dag",
    "run_tiled_cholesky", "tree_sum",
]  # fmt: skip

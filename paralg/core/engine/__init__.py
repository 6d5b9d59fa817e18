"""Where the work runs: this process, processes of this machine, MPI ranks, a Dask cluster."""

from paralg.core.engine.base import Engine
from paralg.core.engine.connect import ENGINES, connect
from paralg.core.engine.partitions import Partitions
from paralg.core.engine.tasks import EngineError, payload

__all__ = ["ENGINES", "Engine", "EngineError", "Partitions", "connect", "payload"]

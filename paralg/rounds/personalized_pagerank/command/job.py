"""One run of the command: a graph, what was asked for, and the chunks of sources it is done in."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields

import numpy as np

from paralg.core.engine import Engine
from paralg.core.ragged import SparseRows
from paralg.rounds.personalized_pagerank.fast.exact import blocked_power_iteration
from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.rounds.personalized_pagerank.moves import MoveTable, move_table
from paralg.rounds.personalized_pagerank.schedules import Refilled
from paralg.rounds.personalized_pagerank.walks import DEFAULT_CAP, random_walks

__all__ = ["RankingJob", "RankingSettings", "chunks"]

_MOST_CHUNKS = 100
_MOST_ENTRIES = 1 << 22  # of the result in memory at a time, 64 MB


@dataclass(frozen=True)
class RankingSettings:
    """Everything that the numbers depend on, beside the graph."""

    method: str
    alpha: float
    dangling: str
    top: int
    least: float
    omega: int
    seed: int
    largest: int
    hops: int
    error: float
    block: int


@dataclass(frozen=True)
class RankingJob:
    """A graph and its settings."""

    graph: Digraph
    settings: RankingSettings

    def fingerprint(self) -> dict:
        """Return what a checkpoint must agree with: the settings and a digest of the graph."""
        digest = hashlib.sha256()
        for array in (self.graph.indptr, self.graph.targets, self.graph.weights):
            digest.update(array.tobytes())
        digest.update("\n".join(self.graph.names or ()).encode())
        return asdict(self.settings) | {"graph": digest.hexdigest()}

    def table(self) -> MoveTable | None:
        """Return the move table, where the method needs one."""
        given = self.settings
        if given.method == "exact":
            return None
        return move_table(
            self.graph, given.alpha,
            largest=given.largest, hops=given.hops, dangling=given.dangling,
        )  # fmt: skip

    def solve(self, sources: range, engine: Engine, table: MoveTable | None) -> SparseRows:
        """Return the scores of some sources."""
        given = self.settings
        if table is None:
            return blocked_power_iteration(
                self.graph, given.alpha, error=given.error, dangling=given.dangling,
                sources=sources, top=given.top, least=given.least, block=given.block,
                engine=engine,
            ).scores  # fmt: skip
        return random_walks(
            table, given.omega, schedule=Refilled(DEFAULT_CAP * engine.workers), engine=engine,
            sources=sources, top=given.top, least=max(1, math.ceil(given.least * given.omega)),
            seed=given.seed,
        ).estimates  # fmt: skip


def chunks(job: RankingJob, workers: int) -> list[range]:
    """Cut the sources so that progress shows and little is lost at an interrupt."""
    n, given = job.graph.n, job.settings
    if given.method == "exact":
        unit = given.block * workers
    else:
        unit = math.ceil(16 * DEFAULT_CAP * workers / given.omega)
    kept = min(given.top, n if given.method == "exact" else given.omega)
    room = max(1, _MOST_ENTRIES // max(1, unit * kept))
    size = unit * min(room, math.ceil(n / (_MOST_CHUNKS * unit))) if n else 1
    return [range(first, min(first + size, n)) for first in range(0, n, size)]


def differences(old: dict, new: dict) -> list[str]:
    """Say how two fingerprints differ, in words."""
    new = json.loads(json.dumps(new))
    names = [field.name for field in fields(RankingSettings)]
    names = [name for name in names if new[name] != old.get(name)]
    changes = [f"{name} was {old.get(name)!r}, now {new[name]!r}" for name in names]
    return changes + ["the graph is another one"] * (new["graph"] != old.get("graph"))


def save_rows(file, rows: SparseRows, job: dict) -> None:
    """Write rows to a binary file, with a checksum of them and of the job's fingerprint."""
    np.savez(file, **rows._asdict(), checksum=_checksum(rows, job))


def load_rows(path, job: dict) -> SparseRows:
    """Read rows that `save_rows` wrote for the same job; ValueError if anybody changed them."""
    with np.load(path) as archive:
        rows = SparseRows(*(archive[name] for name in SparseRows._fields))
        if archive["checksum"] != _checksum(rows, job):
            raise ValueError(f"the rows must be as they were written, got others in {path}")
    return rows


def _checksum(rows: SparseRows, job: dict) -> str:
    digest = hashlib.sha256(json.dumps(job).encode())
    for part in rows:
        digest.update(f"{part.dtype} {part.shape}".encode() + part.tobytes())
    return digest.hexdigest()

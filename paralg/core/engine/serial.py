"""The engine that needs nothing: one worker, this process."""

from paralg.core import checks
from paralg.core.engine.base import Engine
from paralg.core.engine.partitions import PartitionCall, ShuffleTraffic
from paralg.core.engine.tasks import blocks_of, raise_first

__all__ = ["SerialEngine"]


class SerialEngine(Engine):
    """Runs every partition in turn; the reference that the other engines must equal."""

    name = "serial"

    def __init__(self, workers: int | None = None, progress: bool | None = None):
        if workers is not None and checks.integer("workers", workers, 1) > 1:
            raise ValueError(
                f"the serial engine has 1 worker, got workers={workers}; 'processes' has more"
            )
        super().__init__(1, progress)

    def _scatter(self, parts: list) -> list:
        return parts

    def _map(self, job: PartitionCall, states: list, count: int) -> list:
        results = []
        for i in range(count):
            results.append(job.run(tuple(state[i] for state in states), i))
            raise_first(results[-1:])
        return results

    def _shuffle(self, state: list, count: int) -> tuple[list, ShuffleTraffic]:
        checked = [blocks_of(part, i, count) for i, part in enumerate(state)]
        blocks, messages, moved = zip(*checked, strict=True)
        raise_first(blocks)
        exchanged = [list(column) for column in zip(*blocks, strict=True)]
        return exchanged, ShuffleTraffic(sum(messages), sum(moved))

    def _gather(self, state: list, count: int) -> list:
        return list(state)

"""Choose an engine by its name."""

import importlib

from paralg.core.engine.base import Engine

__all__ = ["ENGINES", "connect"]

ENGINES = {
    "serial": ("paralg.core.engine.serial", "SerialEngine"),
    "processes": ("paralg.core.engine.processes", "ProcessesEngine"),
    "mpi": ("paralg.core.engine.mpi", "MpiEngine"),
    "dask": ("paralg.core.engine.dask", "DaskEngine"),
}  # fmt: skip
"""Module, in full so that the keys of pages cover it, and class of each backend."""


def connect(name: str = "serial", workers: int | None = None, **options) -> Engine:
    """Return a running engine; use it in a ``with`` block.

    Parameters
    ----------
    name : {"serial", "processes", "mpi", "dask"}
        Backend. ``"mpi"`` expects that the program was started by ``mpiexec``. An `EngineError`
        names the extra to install where something is missing.
    workers : int, optional
        Workers; the backend's natural number by default, ValueError for one that it cannot give.
    **options
        ``progress`` (bool) for all; ``threads`` (int) for ``"processes"``;
        ``address`` (str), of a running scheduler, for ``"dask"``.

    Examples
    --------
    >>> with connect("serial") as engine:
    ...     numbers = engine.scatter([1, 2, 3])
    ...     squares = engine.map(lambda part: part * part, numbers)
    ...     engine.gather(squares), engine.reduce(lambda a, b: a + b, squares)
    ([1, 4, 9], 14)
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {list(ENGINES)}, got {name!r}")
    module, cls = ENGINES[name]
    return getattr(importlib.import_module(module), cls)(workers, **options)

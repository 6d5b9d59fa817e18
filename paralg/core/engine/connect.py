"""Choose an engine by its name."""

from __future__ import annotations

import importlib

from paralg.core.engine.base import Engine

__all__ = ["ENGINES", "connect"]

ENGINES = {
    "serial": "SerialEngine", "processes": "ProcessesEngine", "mpi": "MpiEngine",
    "dask": "DaskEngine",
}  # fmt: skip
"""Name, which is also the module's, and class."""


def connect(name: str = "serial", workers: int | None = None, **options) -> Engine:
    """Return a running engine; use it in a ``with`` block.

    Parameters
    ----------
    name : {"serial", "processes", "mpi", "dask"}
        Backend. ``"mpi"`` expects that the program was started by ``mpiexec``.
    workers : int, optional
        Workers; the backend's natural number by default.
    **options
        ``progress`` (bool) for all; ``threads`` (int) for ``"processes"``;
        ``address`` (str), of a running scheduler, for ``"dask"``.

    Raises
    ------
    ValueError
        Unknown name, or a number of workers that the backend cannot give.
    EngineError
        Something is missing; the message names the extra to install.

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
    module = importlib.import_module(f"paralg.core.engine.{name}")
    return getattr(module, ENGINES[name])(workers, **options)

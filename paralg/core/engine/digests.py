"""The digest of one result on every engine, for a record that shows that its bits are the same.

On MPI ranks this module runs itself, as ``mpiexec -n 2 python -m paralg.core.engine.digests
MODULE FUNCTION``; the function takes an engine and returns the digest.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from paralg.core.engine.connect import connect

__all__ = ["digests_by_engine"]


def digests_by_engine(
    digest: Callable, engines: Iterable[tuple[int, str]], module: str
) -> dict[str, str]:
    """Return the digests on engines of this machine, and on two and three MPI ranks.

    Parameters
    ----------
    digest : callable (engine) -> str
    engines : iterable of (int, str), workers and name of an engine
    module : str, from which ``digest`` can be imported

    Returns
    -------
    dict of str to str, from workers and engine to the digest
    """
    found = {}
    for workers, name in engines:
        with connect(name, workers) as engine:
            found[f"{workers} {name}"] = digest(engine)
    mpiexec = Path(sysconfig.get_path("scripts")) / "mpiexec"
    for ranks in (2, 3):
        command = [mpiexec, "-n", str(ranks), sys.executable, "-m", __name__, module,
                   digest.__name__]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[f"{ranks} MPI ranks"] = done.stdout.strip()
    return found


if __name__ == "__main__":
    with connect("mpi") as cluster:
        made = getattr(import_module(sys.argv[1]), sys.argv[2])(cluster)
        print(made if cluster.is_root else "", end="")

"""Two small programs, and what becomes of them when one call is moved or left out."""

from collections.abc import Sequence

from paralg.rounds.mpirigen.experiments.execute import judge
from paralg.rounds.mpirigen.labels import Call, strip
from paralg.rounds.mpirigen.printing import canonical

__all__ = ["PROGRAMS", "moved", "verdicts"]

_START = "MPI_Init(&argc, &argv); MPI_Comm_rank(MPI_COMM_WORLD, &rank);"
_BODIES = {
    "message": f"""int rank; int x = 7; MPI_Status status; {_START}
        if (rank == 0) {{ x = 42; MPI_Send(&x, 1, MPI_INT, 1, 5, MPI_COMM_WORLD); }}
        if (rank == 1) {{ MPI_Recv(&x, 1, MPI_INT, 0, 5, MPI_COMM_WORLD, &status);
        printf("rank 1 got %d\\n", x); }}""",
    "broadcast": f"""int rank; int x = 0; {_START} if (rank == 0) x = 42;
        MPI_Bcast(&x, 1, MPI_INT, 0, MPI_COMM_WORLD);
        printf("rank %d uses %d\\n", rank, x);""",
}
PROGRAMS = {
    name: canonical(f"int main(int argc, char **argv) {{ {body} MPI_Finalize(); return 0; }}")
    for name, body in _BODIES.items()
}


def moved(calls: Sequence[Call], k: int, L: int | None) -> list[Call]:
    """Return calls with the k-th one moved behind line L, after what is there; None drops it."""
    others = [call for i, call in enumerate(calls) if i != k]
    if L is None:
        return others
    if calls[k].L == L:
        return list(calls)
    S = max((call.S for call in others if call.L == L), default=0) + 1
    return sorted([*others, calls[k]._replace(L=L, S=S)], key=lambda c: (c.L, c.S))


def verdicts(seconds: float = 5.0) -> dict[str, list[list[str]]]:
    """Return, by program and call, the verdict for each line from 0 on, and for none at the end."""
    found = {}
    for name, program in PROGRAMS.items():
        lines, calls = strip(program)
        places = [*range(len(lines) + 1), None]
        found[name] = [[judge(program, moved(calls, k, L), seconds=seconds).word for L in places]
                       for k in range(len(calls))]  # fmt: skip
    return found

"""A corpus that may be shipped: MPI programs of the families in ``families.md``, from a seed.

Identifiers, types, tags, roots, sizes, the order of statements, dead code and timing are random.
Every program is in the form of `canonical`, runs on one to four ranks, terminates, and prints the
same lines on every run, in whatever order of ranks.
"""

import re
from pathlib import Path

import numpy as np

from paralg.core import checks
from paralg.rounds.mpirigen.printing import canonical

__all__ = ["FAMILIES", "HELD_OUT", "draw", "sample"]

_BODY = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.M | re.S)
_TEXT = Path(__file__).with_name("families.md").read_text(encoding="utf-8")
FAMILIES = {name: re.findall(r"```c\n(.*?)```", body, re.S) for name, body in _BODY.findall(_TEXT)}
"""Name → bodies, of which one is drawn; the first line has the declarations."""
HELD_OUT = ("histogram", "tree_sum", "collect", "dot")
"""Families that the held-out runs do not train on."""

_ROLES = {
    "rank": "rank my_rank id me", "size": "size nprocs num_procs p", "i": "i k idx",
    "j": "j m col", "n": "n count total", "x": "x value item", "y": "y result other",
    "a": "a buf local block", "b": "b all_data whole", "s": "sum acc partial",
    "status": "status st", "root": "root master boss", "t0": "start t0", "t1": "stop t1",
    "z": "tmp dummy extra", "next": "next right", "prev": "prev left",
}  # fmt: skip
_DEAD = ("$z = $z * 3 + 1;", "if ($z > 100) $z = 0;", "$z += 2;", "$z = $z % 17;",
         'if ($rank == 0) printf("aux %d\\n", $z);')  # fmt: skip
_TAGS, _LENGTHS = (0, 1, 5, 7, 42, 99), (2, 3, 4, 6, 8)
_KINDS = (("int", "MPI_INT", "%d"), ("double", "MPI_DOUBLE", "%.3f"))
_OPERATORS = (("MPI_SUM", "sum"), ("MPI_MAX", "max"), ("MPI_MIN", "min"))


def source(family: str, rng: np.random.Generator) -> str:
    """Return the text of a program before it is printed in canonical form."""

    def pick(options):
        return options[rng.integers(len(options))]

    def chance(share: float) -> bool:
        return bool(rng.random() < share)

    body = pick(FAMILIES[checks.one_of("family", family, FAMILIES)])
    body = re.sub(r"\[\[(.*?)\]\]", lambda found: pick(found[1].split("|")), body)
    words = {role: pick(names.split()) for role, names in _ROLES.items()}
    words |= dict(zip(("T", "MPI", "f"), pick(_KINDS), strict=True))
    words |= dict(zip(("op", "word"), pick(_OPERATORS), strict=True))
    words |= {"k": str(pick(_LENGTHS)), "tag": str(pick(_TAGS))}
    declared, _, rest = body.partition("\n") if family != "hello" else ("", "", body)
    root = pick(("0", "0", "$size - 1")) if "$root" in body else ""
    head = [one + ";" for one in declared.split(";") if one.strip()] + ["int $rank;"]
    start, lines = ["MPI_Comm_rank(MPI_COMM_WORLD, &$rank);"], [rest]
    if "$size" in body + root or chance(0.2):
        head.append("int $size;")
        start.append("MPI_Comm_size(MPI_COMM_WORLD, &$size);")
        if "$size" not in body + root:
            lines.append('if ($rank == 0) printf("ranks %d\\n", $size);')
    if root:
        head.append("int $root;")
        lines.insert(0, f"$root = {root};")
    if chance(0.25):
        head += ["double $t0;", "double $t1;"]
        lines = [f"{pick(('', 'MPI_Barrier(MPI_COMM_WORLD);'))} $t0 = MPI_Wtime();", *lines,
                 "$t1 = MPI_Wtime();", 'if ($t1 < $t0) printf("clock went back\\n");']  # fmt: skip
    if chance(0.35):
        head.append(f"int $z = {pick(_LENGTHS)};")
        for _ in range(rng.integers(1, 3)):
            lines.insert(int(rng.integers(len(lines) + 1)), pick(_DEAD))
    start = start[::-1] if chance(0.3) else start
    rng.shuffle(head)
    end = pick(("return 0;", "return 0;", ""))
    text = "\n".join([*head, "MPI_Init(&argc, &argv);", *start, *lines, "MPI_Finalize();", end])
    text = re.sub(r"\$([A-Za-z]\w*)", lambda found: words[found[1]], text)
    return f"int main(int argc, char **argv) {{ {text} }}"


def draw(family: str, seed) -> str:
    """Return one program of a family; a seed is an integer or a sequence of integers."""
    return canonical(source(family, np.random.default_rng(seed)))


def sample(n: int, seed: int, families=tuple(FAMILIES)) -> list[tuple[str, str]]:
    """Return n pairs (family, program), the families in turn."""
    checks.integers(n=n, seed=seed)
    return [(family, draw(family, [seed, k]))
            for k in range(n) for family in [families[k % len(families)]]]  # fmt: skip

"""A corpus that may be shipped: MPI programs of sixteen families, drawn from a seed.

Identifiers, types, tags, roots, sizes, the order of statements, dead code and timing are random.
Every program is in the form of `canonical`, runs on one to four ranks, terminates, and prints the
same lines on every run, in whatever order of ranks.
"""

from collections.abc import Callable

import numpy as np

from paralg.core import checks
from paralg.rounds.mpirigen.canonical import canonical

__all__ = ["FAMILIES", "HELD_OUT", "draw", "sample"]

_ROLES = {
    "rank": "rank my_rank id me myid", "size": "size nprocs num_procs p ntasks",
    "i": "i k idx ii", "j": "j m jj col", "n": "n count total len num",
    "x": "x value val item data", "y": "y result res other out", "a": "a buf local part block",
    "b": "b all_data global whole table", "s": "sum acc partial mine", "status": "status st stat",
    "root": "root master boss host", "t0": "start t0 begin_time", "t1": "stop t1 end_time",
    "z": "tmp dummy scratch aux extra", "next": "next right succ to", "prev": "prev left pred from",
}  # fmt: skip
_TAGS, _LENGTHS = (0, 1, 5, 7, 42, 99), (2, 3, 4, 6, 8)


class Drawn:
    """The random choices of one program: a name for each role, and values."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.names = {role: self.pick(*words.split()) for role, words in _ROLES.items()}
        self.type = self.pick("int", "double")
        self.mpi = {"int": "MPI_INT", "double": "MPI_DOUBLE"}[self.type]
        self.form = {"int": "%d", "double": "%.3f"}[self.type]
        self.tag, self.length = self.pick(*_TAGS), self.pick(*_LENGTHS)
        self.root = self.pick("0", "0", "size - 1")
        self.ops = self.pick(("MPI_SUM", "sum"), ("MPI_MAX", "max"), ("MPI_MIN", "min"))

    def pick(self, *options):
        """Return one of some options."""
        return options[self.rng.integers(len(options))]

    def chance(self, share: float) -> bool:
        """Return true with a probability."""
        return bool(self.rng.random() < share)


# Bodies: text over roles, «rank» for the name that plays it; they know rank and size.

_W = "MPI_COMM_WORLD"


def hello(d: Drawn):
    """Every rank greets."""
    word = d.pick("hello from", "greetings of", "here is")
    return "", f'printf("{word} %d of %d\\n", «rank», «size»);'


def ring(d: Drawn):
    """A token goes around."""
    step = d.pick("«rank»", "1", "2 * «rank»")
    send = f"MPI_Send(&«x», 1, {d.mpi}, («rank» + 1) % «size», {d.tag}, {_W});"
    recv = f"MPI_Recv(&«x», 1, {d.mpi}, (lead), {d.tag}, {_W}, &«status»);"
    return f"{d.type} «x» = {d.length}; MPI_Status «status»;", f"""
        if («size» > 1) {{
          if («rank» == 0) {{ {send} {recv.replace("(lead)", "«size» - 1")} }}
          else {{ {recv.replace("(lead)", "«rank» - 1")} «x» = «x» + {step}; {send} }} }}
        if («rank» == 0) printf("token {d.form}\\n", «x»);"""


def ping_pong(d: Drawn):
    """Two ranks exchange a number a few times."""
    send = f"MPI_Send(&«x», 1, {d.mpi}, «y», {d.tag}, {_W});"
    recv = f"MPI_Recv(&«x», 1, {d.mpi}, «y», {d.tag}, {_W}, &«status»);"
    return f"{d.type} «x» = 1; int «i»; int «y»; MPI_Status «status»;", f"""
        if («size» > 1 && «rank» < 2) {{
          «y» = 1 - «rank»;
          for («i» = 0; «i» < {d.length}; «i»++) {{
            if («rank» == 0) {{ «x» = «x» + 1; {send} {recv} }}
            else {{ {recv} «x» = «x» * 2; {send} }} }}
          printf("rank %d has {d.form}\\n", «rank», «x»); }}"""


def pi(d: Drawn):
    """Quadrature of 4 / (1 + x²)."""
    n = d.pick(100, 200, 400, 1000)
    place = d.pick("(«i» + 0.5) / «n»", "(«i» - 0.5) / «n» + 1.0 / «n»")
    call = f"MPI_Reduce(&«s», &«y», 1, MPI_DOUBLE, MPI_SUM, «root», {_W});"
    return f"int «n» = {n}; int «i»; double «x»; double «s» = 0.0; double «y»;", f"""
        for («i» = «rank»; «i» < «n»; «i» += «size») {{
          «x» = {place}; «s» += 4.0 / (1.0 + «x» * «x»); }}
        «s» = «s» / «n»;
        {call}
        if («rank» == «root») printf("{d.pick("pi", "area")} is %.4f\\n", «y»);"""


def dot(d: Drawn):
    """A dot product of blocks, known to all."""
    call = f"MPI_Allreduce(&«s», &«y», 1, {d.mpi}, MPI_SUM, {_W});"
    return f"""{d.type} «a»[{d.length}]; {d.type} «b»[{d.length}]; {d.type} «s» = 0;
               {d.type} «y»; int «i»;""", f"""
        for («i» = 0; «i» < {d.length}; «i»++) {{
          «a»[«i»] = «rank» + «i»; «b»[«i»] = «i» + 1; }}
        for («i» = 0; «i» < {d.length}; «i»++) «s» += «a»[«i»] * «b»[«i»];
        {call}
        printf("rank %d knows {d.form}\\n", «rank», «y»);"""


def matvec(d: Drawn):
    """Rows are scattered, the vector is broadcast, the product is gathered."""
    k, many = d.length, f"{4 * d.length}"
    return f"""{d.type} «b»[{many}]; {d.type} «a»[{k}]; {d.type} «x»[{k}]; {d.type} «s» = 0;
               {d.type} «y»[4]; int «i»;""", f"""
        if («rank» == 0) {{
          for («i» = 0; «i» < {k} * «size»; «i»++) «b»[«i»] = «i» + 1;
          for («i» = 0; «i» < {k}; «i»++) «x»[«i»] = «i» - 1; }}
        MPI_Scatter(«b», {k}, {d.mpi}, «a», {k}, {d.mpi}, 0, {_W});
        MPI_Bcast(«x», {k}, {d.mpi}, 0, {_W});
        for («i» = 0; «i» < {k}; «i»++) «s» += «a»[«i»] * «x»[«i»];
        MPI_Gather(&«s», 1, {d.mpi}, «y», 1, {d.mpi}, 0, {_W});
        if («rank» == 0) {{
          for («i» = 0; «i» < «size»; «i»++) printf("row %d {d.form}\\n", «i», «y»[«i»]); }}"""


def halo(d: Drawn):
    """A block with a cell of each neighbour, smoothed a few times."""
    k = d.length
    left = f"MPI_Send(&«a»[1], 1, MPI_DOUBLE, «prev», {d.tag}, {_W});"
    right = f"MPI_Send(&«a»[{k}], 1, MPI_DOUBLE, «next», {d.tag}, {_W});"
    return f"""double «a»[{k + 2}]; double «b»[{k + 2}]; int «i»; int «j»; int «prev»;
               int «next»; MPI_Status «status»;""", f"""
        «prev» = «rank» == 0 ? MPI_PROC_NULL : «rank» - 1;
        «next» = «rank» == «size» - 1 ? MPI_PROC_NULL : «rank» + 1;
        for («i» = 0; «i» < {k + 2}; «i»++) «a»[«i»] = «i» * («rank» + 1);
        for («j» = 0; «j» < {d.pick(2, 3, 5)}; «j»++) {{
          {left} {right}
          MPI_Recv(&«a»[0], 1, MPI_DOUBLE, «prev», {d.tag}, {_W}, &«status»);
          MPI_Recv(&«a»[{k + 1}], 1, MPI_DOUBLE, «next», {d.tag}, {_W}, &«status»);
          for («i» = 1; «i» <= {k}; «i»++) «b»[«i»] = (0.5 * («a»[«i» - 1] + «a»[«i» + 1]));
          for («i» = 1; «i» <= {k}; «i»++) «a»[«i»] = «b»[«i»]; }}
        printf("cell %.3f of %d\\n", «a»[1], «rank»);"""


def prefix(d: Drawn):
    """A sum up to each rank."""
    call = d.pick("MPI_Scan", "MPI_Scan", "MPI_Exscan")
    return f"{d.type} «x»; {d.type} «y» = 0;", f"""
        «x» = «rank» * {d.length} + 1;
        {call}(&«x», &«y», 1, {d.mpi}, MPI_SUM, {_W});
        printf("{"up to" if call == "MPI_Scan" else "before"} %d: {d.form}\\n", «rank», «y»);"""


def master_worker(d: Drawn):
    """Rank 0 sends out numbers and adds up what comes back."""
    return f"""{d.type} «x»; {d.type} «y»; {d.type} «s» = 0; int «i»; MPI_Status «status»;""", f"""
        if («rank» == 0) {{
          for («i» = 1; «i» < «size»; «i»++) {{
            «x» = «i» * {d.length};
            MPI_Send(&«x», 1, {d.mpi}, «i», {d.tag}, {_W}); }}
          for («i» = 1; «i» < «size»; «i»++) {{
            MPI_Recv(&«y», 1, {d.mpi}, «i», {d.tag}, {_W}, &«status»);
            «s» += «y»; }}
          printf("total {d.form}\\n", «s»); }}
        else {{
          MPI_Recv(&«x», 1, {d.mpi}, 0, {d.tag}, {_W}, &«status»);
          «y» = «x» * «x»;
          MPI_Send(&«y», 1, {d.mpi}, 0, {d.tag}, {_W}); }}"""


def config(d: Drawn):
    """The root knows a parameter or an array, all use it."""
    if d.chance(0.5):
        return f"{d.type} «x» = 0;", f"""
        if («rank» == «root») «x» = {d.length} + 10;
        MPI_Bcast(&«x», 1, {d.mpi}, «root», {_W});
        printf("rank %d uses {d.form}\\n", «rank», «x» * («rank» + 1));"""
    return f"{d.type} «a»[{d.length}]; int «i»; {d.type} «s» = 0;", f"""
        if («rank» == «root») {{ for («i» = 0; «i» < {d.length}; «i»++) «a»[«i»] = «i» * «i»; }}
        MPI_Bcast(«a», {d.length}, {d.mpi}, «root», {_W});
        for («i» = «rank»; «i» < {d.length}; «i»++) «s» += «a»[«i»];
        printf("rank %d has {d.form}\\n", «rank», «s»);"""


def extremum(d: Drawn):
    """The sum, the largest or the smallest of a number a rank; what is printed says which."""
    op, word = d.ops
    return f"{d.type} «x»; {d.type} «y»;", f"""
        «x» = (7 * «rank» + {d.length}) {"% 5" if d.type == "int" else "/ 4.0"};
        MPI_Reduce(&«x», &«y», 1, {d.mpi}, {op}, «root», {_W});
        if («rank» == «root») printf("{word} {d.form}\\n", «y»);"""


def gather(d: Drawn):
    """Blocks are joined at the root, or everywhere."""
    k, everywhere = d.length, d.chance(0.4)
    name, root = ("MPI_Allgather", "") if everywhere else ("MPI_Gather", "«root», ")
    show = f'for («i» = 0; «i» < {k} * «size»; «i»++) «s» += «b»[«i»] * («i» + 1);'
    line = f'printf("check {d.form} at %d\\n", «s», «rank»);'
    return f"""{d.type} «a»[{k}]; {d.type} «b»[{4 * k}]; {d.type} «s» = 0; int «i»;""", f"""
        for («i» = 0; «i» < {k}; «i»++) «a»[«i»] = «rank» * 10 + «i»;
        {name}(«a», {k}, {d.mpi}, «b», {k}, {d.mpi}, {root}{_W});
        {f"{show} {line}" if everywhere else f"if («rank» == «root») {{ {show} {line} }}"}"""


def exchange(d: Drawn):
    """Every rank has a number for every other."""
    return f"{d.type} «a»[4]; {d.type} «b»[4]; int «i»; {d.type} «s» = 0;", f"""
        for («i» = 0; «i» < «size»; «i»++) «a»[«i»] = {d.length} * «rank» + «i»;
        MPI_Alltoall(«a», 1, {d.mpi}, «b», 1, {d.mpi}, {_W});
        for («i» = 0; «i» < «size»; «i»++) «s» += «b»[«i»] * («i» + 1);
        printf("rank %d gets {d.form}\\n", «rank», «s»);"""


def histogram(d: Drawn):
    """Counts of remainders, added up over ranks."""
    k = d.length
    return f"int «a»[{k}]; int «b»[{k}]; int «i»;", f"""
        for («i» = 0; «i» < {k}; «i»++) «a»[«i»] = 0;
        for («i» = «rank»; «i» < {d.pick(50, 100, 300)}; «i» += «size») «a»[«i» * «i» % {k}] += 1;
        MPI_Reduce(«a», «b», {k}, MPI_INT, MPI_SUM, «root», {_W});
        if («rank» == «root») {{
          for («i» = 0; «i» < {k}; «i»++) printf("bin %d holds %d\\n", «i», «b»[«i»]); }}"""


def tree_sum(d: Drawn):
    """A sum in rounds: half of the ranks that are left send to the others."""
    return f"{d.type} «x»; {d.type} «y»; int «j»; MPI_Status «status»;", f"""
        «x» = «rank» + {d.length};
        for («j» = 1; «j» < «size»; «j» *= 2) {{
          if («rank» % (2 * «j») == «j») {{
            MPI_Send(&«x», 1, {d.mpi}, «rank» - «j», {d.tag}, {_W}); }}
          if («rank» % (2 * «j») == 0 && «rank» + «j» < «size») {{
            MPI_Recv(&«y», 1, {d.mpi}, «rank» + «j», {d.tag}, {_W}, &«status»);
            «x» += «y»; }} }}
        if («rank» == 0) printf("tree {d.form}\\n", «x»);"""


def collect(d: Drawn):
    """The root receives from all the others, one after the other."""
    return f"{d.type} «x»; {d.type} «s»; int «i»; MPI_Status «status»;", f"""
        «x» = «rank» * «rank» + {d.length};
        if («rank» != 0) MPI_Send(&«x», 1, {d.mpi}, 0, {d.tag}, {_W});
        else {{
          «s» = «x»;
          for («i» = 1; «i» < «size»; «i»++) {{
            MPI_Recv(&«x», 1, {d.mpi}, «i», {d.tag}, {_W}, &«status»);
            «s» += «x»; }}
          printf("collected {d.form}\\n", «s»); }}"""


FAMILIES: dict[str, Callable] = {family.__name__: family for family in (
    hello, ring, ping_pong, pi, dot, matvec, halo, prefix, master_worker, config, extremum, gather,
    exchange, histogram, tree_sum, collect)}  # fmt: skip
"""Name → body; tests run each on one to four ranks."""

HELD_OUT = ("histogram", "tree_sum", "collect", "dot")
"""Families that the held-out runs do not train on; each of their calls is in another family."""


def _dead(d: Drawn) -> tuple[str, list[str]]:
    """Return a declaration and statements that change nothing that is printed elsewhere."""
    uses = ["«z» = «z» * 3 + 1;", "if («z» > 100) «z» = 0;", "«z» += 2;",
            'if («rank» == 0) printf("aux %d\\n", «z»);', "«z» = «z» % 17;"]  # fmt: skip
    return f"int «z» = {d.pick(*_LENGTHS)};", [d.pick(*uses) for _ in range(d.rng.integers(1, 4))]


def source(family: str, rng: np.random.Generator) -> str:
    """Return the text of a program before it is printed in canonical form."""
    d = Drawn(rng)
    declared, body = FAMILIES[checks.one_of("family", family, FAMILIES)](d)
    head = [one + ";" for one in declared.replace("\n", " ").split(";") if one.strip()]
    start = [f"MPI_Comm_rank({_W}, &«rank»);"]
    head.append("int «rank»;")
    lines = [body]
    if "«size»" in body or "size" in d.root and "«root»" in body or d.chance(0.3):
        head.append("int «size»;")
        start.append(f"MPI_Comm_size({_W}, &«size»);")
        if "«size»" not in body + d.root and d.chance(0.8):
            lines.append('if («rank» == 0) printf("ranks %d\\n", «size»);')
    if "«root»" in body:
        head.append("int «root»;")
        lines.insert(0, f"«root» = {d.root.replace('size', '«size»')};")
    if d.chance(0.4):
        head += ["double «t0»;", "double «t1»;"]
        wait = f"MPI_Barrier({_W});" if d.chance(0.5) else ""
        lines = [f"{wait} «t0» = MPI_Wtime();", *lines, "«t1» = MPI_Wtime();",
                 'if («t1» < «t0») printf("clock went back\\n");']  # fmt: skip
    if d.chance(0.6):
        declared, uses = _dead(d)
        head.append(declared)
        for use in uses:
            lines.insert(int(d.rng.integers(len(lines) + 1)), use)
    if d.chance(0.3):
        start.reverse()
    d.rng.shuffle(head)
    end = d.pick("return 0;", "return 0;", "")
    text = "\n".join([*head, "MPI_Init(&argc, &argv);", *start, *lines, "MPI_Finalize();", end])
    for role, name in d.names.items():
        text = text.replace(f"«{role}»", name)
    return f"int main(int argc, char **argv) {{ {text} }}"


def draw(family: str, seed) -> str:
    """Return one program of a family; a seed is an integer or a sequence of integers.

    >>> print(draw("hello", 3), end="")
    """
    return canonical(source(family, np.random.default_rng(seed)))


def sample(n: int, seed: int, families=tuple(FAMILIES)) -> list[tuple[str, str]]:
    """Return n pairs (family, program), the families in turn."""
    checks.integers(n=n, seed=seed)
    return [(family, draw(family, [seed, k]))
            for k in range(n) for family in [families[k % len(families)]]]  # fmt: skip

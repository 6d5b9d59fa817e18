"""Run every compiled kernel on memory that ends, or begins, at a page that nobody may touch.

A read or write past an array kills the process. Each call is made twice, on plain and on guarded
memory, and must give the same bits. ``python -m tests.project.guarded`` prints what was called.
"""

import ast
import ctypes
import functools
import importlib
import itertools
import mmap
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from paralg.simd import elementary
from tests.project import arguments

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype, LIBC.mmap.argtypes = ctypes.c_void_p, [
    ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long,
]  # fmt: skip
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
CALLED = Counter()
ADDRESSES = ("paralg.recurrences.aaren.fast.kernel", "paralg.recurrences.mamba.fast.kernels")
"""Modules whose kernels take addresses of tensors; all others take arrays."""


@functools.cache
def entries() -> dict[str, list[str]]:
    """Find, by module, the functions under `paralg.simd.cache.compiled` that Python calls.

    Those that only other compiled functions call are no entries; one that is compiled inside a
    function is.
    """
    root, found = Path(elementary.__file__).parents[1], {}
    trees = {".".join(("paralg", *path.relative_to(root).with_suffix("").parts)): ast.parse(
        path.read_text(encoding="utf-8")) for path in root.rglob("*.py")
        if path.parent.name != ".ipynb_checkpoints"}  # fmt: skip
    called = {name for module, tree in trees.items() for name in _called_by_python(module, tree)}
    for module, tree in trees.items():
        kernels = [one.name for one in ast.walk(tree) if _marks(one, tree) & {"compiled"}]
        outer = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        names = [one for one in kernels if one not in outer or f"{module}.{one}" in called]
        found |= {module: names} if names else {}
    return found


def _marks(node, tree) -> set[str]:
    """Return the names of the decorators of a function, `compiled` or `njit` under any name."""
    names = list(map(_last, getattr(node, "decorator_list", ())))
    alias = {one.targets[0].id: _last(one.value) for one in tree.body if names
             and isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)}  # fmt: skip
    return {alias.get(name, name) for name in names}


def _last(node) -> str:
    return ast.unparse(node).partition("(")[0].rpartition(".")[2]


def _called_by_python(module: str, tree) -> Iterator[str]:
    """Yield, with their modules, names that are used outside of functions that numba compiles."""
    home = {node.name: module for node in tree.body if isinstance(node, ast.FunctionDef)}
    homes = {name.asname or name.name: f"{node.module}.{name.name}" for node in ast.walk(tree)
             if isinstance(node, ast.ImportFrom) for name in node.names}  # fmt: skip
    waiting = [tree]
    for node in waiting:
        if not _marks(node, tree) & {"compiled", "njit"}:
            waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Name):
            yield f"{home[node.id]}.{node.id}" if node.id in home else homes.get(node.id, "")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{homes.get(node.value.id)}.{node.attr}"


class Guard:
    """Copies of arrays in guarded memory, and the way back."""

    end: bool | None = None
    """Whether arrays end where the pages do, or begin there; None: calls get plain memory."""

    def __init__(self):
        self.copies, self.maps = [], []

    def copy(self, array: np.ndarray) -> np.ndarray:
        """Return a copy of an array in order, between pages that may not be touched."""
        assert array.flags.c_contiguous, "a kernel got memory that is not in order"
        inner = -(-array.nbytes // PAGE) * PAGE
        base = LIBC.mmap(None, inner + 2 * PAGE, 3, 0x22, -1, 0)
        self.maps.append((base, inner + 2 * PAGE))
        for wall in (base, base + PAGE + inner):
            assert LIBC.mprotect(wall, PAGE, 0) == 0
        start = base + PAGE + (inner - array.nbytes if self.end else 0)
        memory = (ctypes.c_char * array.nbytes).from_address(start)
        copy = np.frombuffer(memory, array.dtype).reshape(array.shape)
        copy[...] = array
        copy.flags.writeable = array.flags.writeable
        self.copies.append((array, copy))
        return copy

    def of(self, value):
        """Return an argument with its arrays copied."""
        if isinstance(value, np.ndarray):
            return self.copy(value)
        if isinstance(value, tuple):
            parts = [self.of(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        return value

    def back(self):
        """Write the copies back and give up their memory."""
        for array, copy in self.copies:
            if array.flags.writeable:
                array[...] = copy
        for place in self.maps:
            LIBC.munmap(*place)


def guarded(name: str, function):
    """Return a function that runs on guarded copies of its arrays."""

    @functools.wraps(function)
    def call(*arguments):
        if Guard.end is None:
            return function(*arguments)
        guard = Guard()
        CALLED[name] += 1
        result = function(*map(guard.of, arguments))
        if isinstance(result, np.ndarray):
            result = result.copy()
        guard.back()
        return result

    return call


def guard_addresses(module) -> None:
    """Let the kernels of a module of tensors get addresses in guarded memory."""
    plain, run = module.addresses, module._run
    guard = Guard()

    def where(dtype, *operands):
        found = plain(dtype, *operands)
        if Guard.end is None:
            return found
        return tuple(guard.copy(x.detach().numpy()).ctypes.data for x, _ in operands)

    def call(driver, *arguments):
        nonlocal guard
        guard = Guard()
        CALLED[f"{driver.__module__}.{driver.__name__}"] += 1
        run(driver, *arguments)
        guard.back()

    module.addresses, module._run = where, call


def guard_all() -> None:
    """Replace every compiled entry."""
    for name, functions in entries().items():
        module = importlib.import_module(name)
        for entry in () if name in ADDRESSES else functions:
            if (plain := getattr(module, entry, None)) is None:
                continue
            setattr(module, entry, guarded(f"{name}.{entry}", plain))
            for table in (v for v in vars(module).values() if isinstance(v, dict)):
                table |= {key: getattr(module, entry) for key, v in table.items() if v is plain}
    loops = elementary._over_rows
    elementary._over_rows = lambda function: guarded("paralg.simd.elementary.loop", loops(function))
    for name in ("aaren.fast.kernel", "mamba.fast.compiled"):
        guard_addresses(importlib.import_module(f"paralg.recurrences.{name}"))


def layouts(x: torch.Tensor):
    """Yield tensors of the same shape in other layouts: turned, sliced, repeated, negated."""
    yield x.detach().clone()
    yield x.transpose(0, -1).contiguous().transpose(0, -1)
    yield torch.stack([x, x], -1)[..., 0]
    yield x[..., :1].expand_as(x)
    yield torch.complex(torch.zeros_like(x), x).conj().imag  # the negative is taken when read


def agree(name: str, run) -> None:
    """Compare what a call gives on plain and on guarded memory, at both walls."""
    results = []
    for Guard.end in (True, False, None):
        results.append(run())
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(two), equal_nan=True), name


def numbers(values) -> list:
    """Return tensors as arrays; a slope that there is not is 0."""
    return [np.zeros(()) if x is None else x.detach().numpy().copy() for x in values]


def aaren(shape, dtype, change: int) -> None:
    """Attention over prefixes: scores and values in one of the layouts, a mask, a state, slopes."""
    from paralg.recurrences.aaren import prefix_attention

    b, n, h, d = shape
    scores, values = torch.randn(b, n, h, dtype=dtype), torch.randn(shape, dtype=dtype)
    state = (torch.randn(b, h, dtype=dtype), torch.rand(b, h, dtype=dtype) + 1,
             torch.randn(b, h, d, dtype=dtype))  # fmt: skip
    mask = torch.rand(b, n) < 0.7
    scores, values = ([*layouts(x)][change] if x.numel() else x for x in (scores, values))

    def run(method="compiled"):
        s, v = (x.detach().requires_grad_(change % 2 == 0) for x in (scores, values))
        out, after = prefix_attention(s, v, mask, state=state, method=method)
        slopes = torch.autograd.grad(out.sum(), (s, v)) if change % 2 == 0 and out.numel() else ()
        return numbers((out, *after, *slopes))

    agree(f"aaren {shape} {dtype} {change}", run)
    for one, two in zip(run(), run("loop"), strict=True):
        assert np.allclose(one, two, 1e-3, 1e-4), (shape, dtype, change)


def mamba(shape, dtype, change: int) -> None:
    """Scan selectively: operands in one of the layouts, optional ones or not, slopes or not."""
    from paralg.recurrences.mamba import selective_scan

    b, L, D, N = shape
    sizes = {"u": (b, L, D), "delta": (b, L, D), "A": (D, N), "B": (b, L, N), "C": (b, L, N)}
    if change % 2:
        sizes |= {"D": (D,), "z": (b, L, D), "delta_bias": (D,), "h0": (b, D, N)}
    x = {name: torch.randn(size, dtype=dtype) for name, size in sizes.items()}
    x = {name: [*layouts(part)][change] if part.numel() else part for name, part in x.items()}
    x["A"] = -x["A"].abs()

    def run(method="compiled"):
        given = {name: part.detach().requires_grad_(change < 2) for name, part in x.items()}
        y, last = selective_scan(**given, delta_softplus=True, method=method,
                                 return_last_state=True)  # fmt: skip
        slopes = () if change > 1 else torch.autograd.grad(
            y.sum() + last.sum(), [*given.values()], allow_unused=True)  # fmt: skip
        return numbers((y, last, *slopes))

    agree(f"mamba {shape} {dtype} {change}", run)
    for one, two in zip(run(), run("loop"), strict=True):
        assert np.allclose(one, two, 1e-2, 1e-3), (shape, dtype, change)


def ablations(channels: int, dtype) -> None:
    """Run the variants of Mamba's kernel, also on arrays that are turned."""
    from paralg.recurrences.mamba.experiments import ablations

    rng = np.random.default_rng(0)
    shapes = [(2, 3, channels)] * 2 + [(channels, 2), (2, 3, 2), (2, 3, 2), (channels,),
                                       (2, 3, channels), (channels,)]  # fmt: skip
    arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    for variant in ablations.VARIANTS:
        agree(variant, lambda variant=variant: [ablations.run(variant, *arrays)])
        turned = [np.asfortranarray(part)[::-1][::-1] for part in arrays]
        assert np.allclose(ablations.run(variant, *turned), ablations.run(variant, *arrays))


def lla(n: int, m: int, d: int, dtype) -> None:
    """Attend by local linear attention, keys as many or more than queries."""
    from paralg.recurrences.local_linear_attention import lla_attention

    q, k, v = (torch.randn(2, rows, d, dtype=dtype) for rows in (n, m, m))
    for causal in (True, False):
        agree(f"lla {n} {m} {d}", lambda causal=causal: numbers(
            [lla_attention(q, k, v, torch.full((2, n), 2.0, dtype=dtype), causal=causal,
                           method="compiled")]))  # fmt: skip


def pagerank() -> None:
    """Walk, count, merge, cut large records and sweep on small graphs of all kinds."""
    import paralg.rounds.personalized_pagerank as pr
    from tests.rounds.pagerank_cases import HAND, HUGO

    for name, graph in [*HAND.items(), ("hugo", HUGO)]:
        for how in ({}, {"largest": 2, "hops": 2}):
            table = pr.move_table(graph, **how)
            agree(name, lambda graph=graph, how=how: [
                getattr(pr.move_table(graph, **how), part) for part in ("indptr", "own", "kind")])
            agree(name, lambda table=table: pr.random_walks(table, 8, top=3).counts[:4])
            agree(name, lambda table=table: pr.aggregated_walks(table, 8).counts[:4])
        agree(name, lambda graph=graph: pr.blocked_power_iteration(graph, error=1e-3).scores[:4])


def credit() -> None:
    """Read rows of logits: none, one and many, shorter and longer than lanes and chunks."""
    from paralg.decoding.credit_decoding.fast.compiled import CHUNK, row_statistics

    sizes = (0, 1, 31, 32, 33, CHUNK - 1, CHUNK, CHUNK + 33)
    for n, V, dtype in itertools.product((0, 1, 3), sizes, (np.float32, np.float64)):
        if V or not n:
            x = np.random.default_rng(V).normal(size=(n, V)).astype(dtype)
            agree("credit", lambda x=x: row_statistics(x))
            agree("credit", lambda x=x: row_statistics(x[::-1, ::-1]))


def ordinary() -> None:
    """Run every algorithm on graphs of all kinds: empty, paths, stars, cliques, rings."""
    import paralg.rounds.ordinary_node as on
    from paralg.rounds.ordinary_node.fast.rounds import ALGORITHMS

    edges = ([], [(0, 1)], [(0, k) for k in range(1, 9)], [(k, k + 1) for k in range(8)],
             list(itertools.combinations(range(6), 2)))  # fmt: skip
    graphs = [on.PortGraph.from_edges(one, n) for one in edges for n in (None, 12) if n or one]
    graphs += [on.PortGraph.from_edges([], 0), *map(on.cycle, (3, 4, 33))]
    for graph, name in itertools.product(graphs, ALGORITHMS):
        if graph.is_cycle or name not in ("largest id", "cole-vishkin"):
            ids = np.random.default_rng(graph.n).permutation(2 * graph.n)[: graph.n]
            for turned in (ids, ids[::-1], np.asfortranarray(ids.astype(np.uint16))):
                agree(name, lambda graph=graph, ids=turned, name=name: [
                    (run := on.run_compacted(name, graph, ids, bits=7)).outputs, run.radii])


def others() -> None:
    """Make the valid calls that the registries of bad arguments have for chapters not met so far.

    So a kernel of a new chapter runs on guarded pages, too, as soon as its registry is there.
    """
    for name in sorted({one.rpartition(".fast")[0] for one in missing()}):
        for part in arguments.PARTS:
            if name in arguments.covers(part):
                for call in arguments.part(part).CALLS:
                    for Guard.end in (True, False, None):
                        call.run(**call.arguments)


def missing() -> list[str]:
    """Return the entries that were not called so far."""
    return sorted({f"{name}.{one}" for name, all in entries().items() for one in all} - {*CALLED})


def simd() -> None:
    """Evaluate functions of lanes, and build alias tables."""
    from paralg.simd import sampling

    for size, dtype in itertools.product((0, 1, 31, 32, 33), (np.float32, np.float64)):
        x = np.linspace(-3, 3, 2 * size, dtype=dtype)[::2]
        for function in (elementary.exp, elementary.softplus):
            agree("lanes", lambda function=function, x=x: [elementary.evaluate(function, x)])
        ends = np.array([0, size // 2, size // 2, size])
        agree("alias", lambda ends=ends, x=x: sampling.alias_tables(ends, np.abs(x) + 1))


def dies(action) -> bool:
    """Tell whether an action kills a copy of this process by touching memory out of bounds."""
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGSEGV


def read_past(end: bool) -> None:
    """Let a kernel read a number that is not there."""
    from paralg.recurrences.aaren.fast import kernel

    Guard.end = end
    guard = Guard()
    where = [guard.copy(np.zeros(64)).ctypes.data - 8 * (not end) for _ in range(8)]
    kernel._run_forward((1, 65, 1, 1, 0), tuple(where), np.float64(0))


def main() -> None:
    """Sweep shapes, layouts and types over every kernel."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    guard_all()
    types, changes = (torch.float32, torch.float64), range(5)
    for shape, dtype, change in itertools.product(
        [(1, 1, 1, 1), (2, 7, 3, 5), (0, 3, 2, 4), (2, 0, 2, 4), (2, 3, 0, 4), (2, 3, 2, 0)],
        types, changes):  # fmt: skip
        aaren(shape, dtype, change)
    for shape, dtype, change in itertools.product(
        [(1, 1, 1, 1), (2, 35, 33, 3), (1, 3, 32, 0), (0, 3, 31, 2), (2, 0, 32, 2), (2, 3, 0, 2)],
        types, changes):  # fmt: skip
        mamba(shape, dtype, change)
    ablations(64, np.float32)
    for sizes, dtype in itertools.product(
        [(1, 1, 1), (33, 33, 4), (5, 38, 3), (31, 64, 32)], types):  # fmt: skip
        lla(*sizes, dtype)
    pagerank()
    simd()
    credit()
    ordinary()
    others()
    assert dies(lambda: read_past(True)), "the wall behind holds nothing"
    assert dies(lambda: read_past(False)), "the wall before holds nothing"
    assert missing() == [], "compiled functions without a call on guarded pages"
    for name, times in sorted(CALLED.items()):
        print(f"{name}: {times}")


if __name__ == "__main__":
    main()

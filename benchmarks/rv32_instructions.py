"""Count the instructions of two soft-float libraries, and of loops that call them.

``python -m benchmarks.rv32_instructions RVFPLIB`` makes ``instructions.json`` of the chapter on
classical learning again. It needs ``gcc-riscv64-unknown-elf`` (whose ``libgcc.a`` has
GCC's soft-fp for rv32im), a copy of https://github.com/pulp-platform/RVfplib, and the package
``unicorn``, whose emulator runs both and calls a hook at every instruction.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from paralg.kernels.pulp_kernels import theory

__all__ = ["LIBRARIES", "LOOPS", "OPERATIONS", "measured", "operands"]

OPERATIONS = ("add", "sub", "mul", "div", "lt")
LIBRARIES = {"generic": None, "fast": "ieee754", "fast, no subnormals": "ieee754_nd"}
"""GCC's soft-fp, RVfplib, and RVfplib built without subnormals."""
LOOPS = ("dot", "distance", "gauss", "sum", "largest", "walk")
_SYMBOLS = {name: f"__{name}sf{2 if name == 'lt' else 3}" for name in OPERATIONS}
_BASE, _DATA, _STACK, _STOP = 0x10000, 0x100000, 0x300000, 0x0F000
_GCC = "riscv64-unknown-elf-gcc"
_FILE = Path(theory.__file__).parent / "experiments" / "instructions.json"

_LOOPS = """
float dot(const float *w, const float *x, int n)
{ float s = 0; for (int i = 0; i < n; i++) s += w[i] * x[i]; return s; }
float distance(const float *w, const float *x, int n)
{ float s = 0; for (int i = 0; i < n; i++) { float e = x[i] - w[i]; s += e * e; } return s; }
float gauss(const float *w, const float *x, int n)
{ float s = 0; for (int i = 0; i < n; i++) { float e = x[i] - w[2 * i]; s += e * e * w[2 * i + 1]; }
  return s; }
float sum(const float *w, const float *x, int n)
{ float s = 0; for (int i = 0; i < n; i++) s += w[i]; return s; }
int largest(const float *w, const float *x, int n)
{ int best = 0; for (int i = 1; i < n; i++) if (w[best] < w[i]) best = i; return best; }
struct node { int feature; float threshold; int left, right; };
int walk(const struct node *t, const float *x, int n)
{ int at = 0;
  while (t[at].feature >= 0) at = x[t[at].feature] <= t[at].threshold ? t[at].left : t[at].right;
  return at; }
"""
_SIZES = (64, 576)  # the slope between them is the price of one iteration


def operands(kind: str, count: int, seed: int = 0) -> np.ndarray:
    """Return pairs of binary32 words, shape (count, 2): ``normal``, ``zero`` or ``subnormal``.

    Normal ones are products of a normal deviate and a power of two within a factor of 32; of the
    others the first operand is a zero of either sign, or below the smallest normal number.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 2)) * np.exp2(rng.integers(-5, 6, size=(count, 2)))
    words = values.astype(np.float32).view(np.uint32).copy()
    if kind == "zero":
        words[:, 0] = rng.integers(0, 2, size=count).astype(np.uint32) << 31
    if kind == "subnormal":
        words[:, 0] = rng.integers(1, 2**23, size=count)
    return words


def _run(*command) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


def _image(folder: Path, march: str, abi: str, rvfplib: Path | None) -> tuple:
    """Return machine code at `_BASE`, and the addresses of its symbols."""
    (folder / "loops.c").write_text(_LOOPS)
    flags = [f"-march={march}", f"-mabi={abi}", "-O2", "-ffreestanding", "-nostdlib", "-static",
             f"-Wl,-Ttext={_BASE:#x}", "-Wl,--entry=0", "-Wl,--no-relax", "-mno-relax",
             "-fno-tree-loop-distribute-patterns"]  # fmt: skip
    if abi == "ilp32":
        flags += [f"-Wl,--undefined={name}" for name in _SYMBOLS.values()]
    parts = [folder / "loops.c"]
    if rvfplib is not None:
        names = [*_SYMBOLS.values(), "__lesf2", "__eqsf2", "__gesf2", "__gtsf2"]
        parts += [f for name in names if (f := rvfplib / f"{name}.S").exists()]
        flags += ["-DPERFORMANCE=1", "-Wl,--allow-multiple-definition"]
    _run(_GCC, *flags, *parts, "-lgcc", "-o", folder / "a.elf")
    _run(_GCC.replace("gcc", "objcopy"), "-O", "binary", folder / "a.elf", folder / "a.bin")
    table = {}
    for line in _run(_GCC.replace("gcc", "nm"), "-S", folder / "a.elf").splitlines():
        words = line.split()
        if words[-2] in "Tt":
            table[words[-1]] = int(words[0], 16)
    sections = _run(_GCC.replace("gcc", "size"), "-A", folder / "a.elf").splitlines()
    table["end"] = _BASE + next(int(line.split()[1]) for line in sections if ".text" in line)
    return (folder / "a.bin").read_bytes(), table


def _text(table: dict) -> int:
    """Return bytes of the five functions and of what they share, all of which ends the image."""
    return table["end"] - min(address for name, address in table.items() if name.startswith("__"))


class _Core:
    """An emulated RV32 core that keeps the addresses of the instructions it ran."""

    def __init__(self, code: bytes):
        import unicorn
        from unicorn import riscv_const as names

        self.names = names
        self.uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        self.uc.mem_map(0, 0x400000)
        self.uc.mem_write(_BASE, code)
        self.uc.mem_write(_STOP, b"\x13\0\0\0")
        self.uc.reg_write(names.UC_RISCV_REG_MSTATUS, 0x6000)  # the floating-point unit is on
        self.words = np.frombuffer(code[: len(code) // 4 * 4], np.uint32)
        self.trace: list[int] = []
        self.uc.hook_add(unicorn.UC_HOOK_CODE, lambda uc, at, size, data: self.trace.append(at))

    def call(self, address: int, *arguments: int) -> int:
        """Return what a function returns; its instructions are in ``trace``."""
        self.trace.clear()
        names = self.names
        for i, value in enumerate(arguments):
            self.uc.reg_write(names.UC_RISCV_REG_A0 + i, int(value))
        self.uc.reg_write(names.UC_RISCV_REG_SP, _STACK)
        self.uc.reg_write(names.UC_RISCV_REG_RA, _STOP)
        self.uc.emu_start(address, _STOP)
        return self.uc.reg_read(names.UC_RISCV_REG_A0) & 0xFFFFFFFF

    @property
    def cycles(self) -> int:
        """Cycles of an in-order core: taken branch 3, jump 2, high product 5, division 20."""
        total = 0
        for here, there in zip(self.trace, [*self.trace[1:], _STOP], strict=True):
            word = int(self.words[(here - _BASE) // 4])
            major, minor, seventh = word & 0x7F, word >> 12 & 7, word >> 25
            if major == 0x63:
                total += 3 if there != here + 4 else 1
            elif major in (0x6F, 0x67):
                total += 2
            elif major == 0x33 and seventh == 1:
                total += 1 if minor == 0 else 5 if minor < 4 else 20
            else:
                total += 1
        return total


def _of_calls(core: _Core, address: int, name: str, pairs: np.ndarray) -> dict:
    """Return mean, least and most instructions of calls, cycles, and how many results differ."""
    counts, cycles, wrong = [], [], 0
    with np.errstate(all="ignore"):
        a, b = pairs.view(np.float32).T
        right = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b}.get(name)
    for i, (x, y) in enumerate(pairs.tolist()):
        got = core.call(address, x, y)
        counts.append(len(core.trace))
        cycles.append(core.cycles)
        if name == "lt":
            wrong += (got >> 31 == 1) != bool(a[i] < b[i])
        else:
            wrong += got != int(right[i : i + 1].view(np.uint32)[0])
    return {"mean": round(float(np.mean(counts)), 1), "least": min(counts), "most": max(counts),
            "cycles": round(float(np.mean(cycles)), 1), "wrong": wrong}  # fmt: skip


def _of_loops(core: _Core, table: dict) -> dict:
    """Return instructions and cycles of a step of each loop; those ``outside`` are not in calls."""
    rng, found = np.random.default_rng(1), {}
    own = {name: table[name] for name in LOOPS}
    limit = max(own.values()) + 0x400
    inside = [value for name, value in table.items() if name.startswith("__")]
    limit = min([limit, *(value for value in inside if value > min(own.values()))])
    for name, address in own.items():
        totals, outside, cycles = [], [], []
        for n in _SIZES:
            w, x = rng.normal(size=(2, n)).astype(np.float32)
            if name == "gauss":
                w = rng.normal(size=2 * n).astype(np.float32)
            if name == "largest":
                w = np.sort(w)[::-1].copy()
            if name == "walk":  # a chain of n nodes that all go left
                nodes = np.zeros((n + 1, 4), np.int32)
                nodes[:, 0], nodes[:, 2] = np.arange(n + 1) % n, np.arange(1, n + 2)
                nodes[:, 1] = (x[nodes[:, 0]] + 1).astype(np.float32).view(np.int32)
                nodes[n, 0] = -1
                w = nodes
            core.uc.mem_write(_DATA, w.tobytes())
            core.uc.mem_write(_DATA + 0x10000, x.tobytes())
            core.call(address, _DATA, _DATA + 0x10000, n)
            totals.append(len(core.trace))
            cycles.append(core.cycles)
            outside.append(sum(at < limit for at in core.trace))
        step = _SIZES[1] - _SIZES[0]
        found[name] = {what: round((two - one) / step, 2) for what, (one, two) in (
            ("all", totals), ("outside", outside), ("cycles", cycles))}  # fmt: skip
    return found


def measured(rvfplib: Path, pairs: int = 1000) -> dict:
    """Return the record: instructions of each call by library and kind, and of each loop."""
    found: dict = {"calls": {}, "loops": {}, "bytes": {}}
    with tempfile.TemporaryDirectory() as folder:
        for library, source in LIBRARIES.items():
            place = None if source is None else rvfplib / "src" / "asm" / source
            code, table = _image(Path(folder), "rv32im", "ilp32", place)
            core, calls = _Core(code), {}
            for name, symbol in _SYMBOLS.items():
                kinds = ("normal", "zero") + (("subnormal",) if "no" not in library else ())
                calls[name] = {kind: _of_calls(core, table[symbol], name, operands(kind, pairs))
                               for kind in kinds if (name, kind) != ("div", "zero")}  # fmt: skip
            found["calls"][library] = calls
            found["loops"][library] = _of_loops(core, table)
            found["bytes"][library] = _text(table)
        code, table = _image(Path(folder), "rv32imf", "ilp32f", None)
        found["loops"]["native"] = _of_loops(_Core(code), table)
    return found


if __name__ == "__main__":
    made = measured(Path(sys.argv[1]))
    made["made with"] = {
        "gcc": _run(_GCC, "-dumpfullversion").strip(), "rvfplib": sys.argv[2:3],
        "flags": "-O2, rv32im/ilp32; native rv32imf/ilp32f",
    }  # fmt: skip
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in made.items())
    _FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

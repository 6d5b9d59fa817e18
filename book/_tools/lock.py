"""Resolve ``requirements.lock`` anew from ``pyproject.toml``, with the hash of every file.

The present lock serves as constraints, so only what ``pyproject.toml`` no longer allows moves;
``--upgrade`` lets everything move. The resolver gets an environment of its own.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
_TAIL = "# The following packages are considered to be unsafe"


def pins(lock: str) -> str:
    """Return the ``name==version`` lines of a lock, without hashes."""
    return "\n".join(re.findall(r"^[\w.\[\]-]+==[\w.+!-]+", lock, flags=re.M)) + "\n"


def without_cuda(lock: str) -> str:
    """Return a lock without what only a CUDA build of torch needs, which it brings itself."""
    blocks = re.split(r"\n(?=\w)", lock)
    return "\n".join(b for b in blocks if not re.match(r"(nvidia|cuda)-|triton==", b))


def header(lock: str) -> str:
    """Return the comment block that opens a lock."""
    return "".join(
        line + "\n" for line in lock.splitlines() if line.startswith("# ") and _TAIL not in line
    )


def resolver(folder: Path) -> Path:
    """Make an environment that holds pip-tools and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "pip-tools>=7.4"], check=True)
    return python


def resolve(constraints: Path | None, out: Path, python: Path) -> None:
    """Run pip-compile over every extra of the project."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    command = [
        str(python),
        "-m",
        "piptools",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--strip-extras",
        "--allow-unsafe",
        "--unsafe-package",
        "torch",
        "--no-header",
        "--no-annotate",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--no-emit-trusted-host",
        "-o",
        str(out),
    ]
    for name in extras:
        command += ["--extra", name]
    if constraints:
        command += ["-c", str(constraints)]
    subprocess.run([*command, "pyproject.toml"], cwd=ROOT, check=True)


def main() -> None:
    """Write the new lock in one step, so that a failure leaves the old one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="let every version move")
    upgrade = parser.parse_args().upgrade
    old = LOCK.read_text()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "constraints.txt").write_text(pins(old))
        out = folder / "out.lock"
        print("Resolving (a few minutes) …", flush=True)
        resolve(None if upgrade else folder / "constraints.txt", out, resolver(folder / "venv"))
        new = header(old) + without_cuda(out.read_text()).split(_TAIL)[0].rstrip() + "\n"
    temporary_lock = LOCK.with_suffix(".new")
    temporary_lock.write_text(new)
    temporary_lock.replace(LOCK)
    print(f"{LOCK.name}: {len(pins(new).split())} packages")


if __name__ == "__main__":
    main()

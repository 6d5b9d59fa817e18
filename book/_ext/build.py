"""Build the book: execute what changed, then write the site; any warning is an error.

    python book/_ext/build.py            build what changed
    python book/_ext/build.py --cold     forget every result first
    python book/_ext/build.py --only notebooks/recurrences/mamba.ipynb    execute, build nothing
    python book/_ext/build.py --links    check every link to the outside
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "_build"
SITE = BUILD / "html"
STAMP = BUILD / ".built"  # digest of what the last successful build was made from
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def pages() -> list[Path]:
    """Source files of the table of contents, in reading order."""
    from sphinx_external_toc.parsing import parse_toc_yaml

    toc = parse_toc_yaml(ROOT / "_toc.yml")
    found = []
    for name in toc:
        candidates = [ROOT / f"{name}{suffix}" for suffix in (".md", ".ipynb")]
        found += [path for path in candidates if path.is_file()][:1]
    globs = re.findall(r"^ *- glob: (\S+)$", (ROOT / "_toc.yml").read_text("utf-8"), flags=re.M)
    return found + sorted(path for glob in globs for path in ROOT.glob(f"{glob}.md"))


def execute(paths: list[Path], jobs: int, whole: bool = False) -> bool:
    """Execute what the store lacks; print failures with cell and traceback."""
    from notebook_store import Store, run_all

    failures = run_all(Store(ROOT), paths, workers=jobs, whole=whole, say=_say)
    for failure in failures:
        text = str(failure) if sys.stderr.isatty() else ANSI.sub("", str(failure))
        print(f"\nFailed: {text}", file=sys.stderr)
    return not failures


def sphinx(builder: str = "html") -> bool:
    """Run Jupyter Book's Sphinx in a process of its own: nitpicky, warnings are errors."""
    quick = "import sys; sys.modules['rfc3987_syntax'] = None"  # see notebook_runner
    command = [sys.executable, "-c", f"{quick}; from jupyter_book.cli.main import main; main()"]
    command += ["build", str(ROOT), "-n", "-W", "--keep-going"]
    if builder != "html":
        command += ["--builder", "custom", "--custom-builder", builder]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PARALG_STATIC": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout[-6000:], done.stderr, sep="\n", file=sys.stderr)
    return done.returncode == 0


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other build of this folder runs."""
    BUILD.mkdir(exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no file locks on this system
        yield
        return
    with open(BUILD / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another build of this folder is running; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def forget(*kinds: str) -> None:
    """Delete results: parsed pages, executed notebooks, what is drawn, the site; all by default."""
    names = {"doctrees": ".doctrees", "execution": "execution", "drawn": "drawn", "site": "html",
             "notebooks": "jupyter_execute"}  # fmt: skip
    for kind in kinds or names:
        shutil.rmtree(BUILD / names[kind], ignore_errors=True)
    STAMP.unlink(missing_ok=True)


def state() -> str:
    """Digest of everything the site is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(_sources()):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the last build was of the same sources, and its pages are there."""
    if not STAMP.is_file() or STAMP.read_text(encoding="utf-8") != state():
        return False
    names = (path.relative_to(ROOT).with_suffix(".html") for path in pages())
    return all((SITE / name).is_file() for name in names)


def _sources() -> Iterator[Path]:
    yield from (ROOT / name for name in ("_config.yml", "_toc.yml", "requirements.lock"))
    for folder in ("book", "notebooks", "paralg", "benchmarks/results"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
                yield path


def build(jobs: int) -> bool:
    """Execute and write the site; say where it is."""
    start, made_from = time.perf_counter(), state()
    STAMP.unlink(missing_ok=True)
    if not execute(pages(), jobs, whole=True):
        return False
    _say("writing pages")
    if not sphinx():
        forget("doctrees")  # a page that was read with a warning would not be read again
        return False
    STAMP.write_text(made_from, encoding="utf-8")
    _say(f"done in {time.perf_counter() - start:.0f} s")
    return tell()


def tell() -> bool:
    """Say where the site is."""
    print(
        f"\nThe site is {SITE / 'index.html'}\n"
        f"  open that file in a browser, or serve it:\n"
        f"  {Path(sys.executable).name} -m http.server --directory {os.path.relpath(SITE)} 8000\n"
        f"  and go to http://localhost:8000",
        flush=True,
    )
    return True


def _say(line: str) -> None:
    print(line, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cold", action="store_true", help="forget every result first")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at a time (default 2)")
    parser.add_argument("--only", nargs="+", type=Path, help="execute these, build nothing")
    parser.add_argument("--if-stale", action="store_true", help="build only if a source changed")
    parser.add_argument("--links", action="store_true", help="check links to the outside")
    options = parser.parse_args(argv)
    missing = [str(path) for path in options.only or () if not path.is_file()]
    if missing:
        parser.error(f"expected notebooks, got no such file: {', '.join(missing)}")
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, signal.default_int_handler)  # ends it as Ctrl-C does
    try:
        return _run(options)
    except KeyboardInterrupt:
        _say("the build was stopped; the next one goes on from here")
        return 130


def _run(options: argparse.Namespace) -> int:
    with alone():
        if options.only:
            return not execute([path.resolve() for path in options.only], options.jobs)
        if options.if_stale and is_current():
            return 0
        if options.cold:
            forget()
        elif not options.links and is_current():
            _say("nothing changed since the last build")
            return not tell()
        return not (sphinx("linkcheck") if options.links else build(options.jobs))


if __name__ == "__main__":
    sys.exit(main())

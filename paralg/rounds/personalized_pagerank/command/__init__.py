"""The command ``paralg pagerank``."""

import argparse
import contextlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from paralg.cli import FAILED, INTERRUPTED, USAGE, CommandError, Stopped
from paralg.core.engine import Engine, EngineError, connect
from paralg.core.engine.dask import ANSWER
from paralg.data.edge_lists import EdgeFormat, EdgeListError, read_edge_list
from paralg.rounds.personalized_pagerank.command.choice import AccuracyRequest, choose_method
from paralg.rounds.personalized_pagerank.command.job import RankingJob, RankingSettings, chunks
from paralg.rounds.personalized_pagerank.command.options import configure
from paralg.rounds.personalized_pagerank.command.workspace import Workspace, folder_of
from paralg.rounds.personalized_pagerank.fast.checks import check_alpha, check_sizes
from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = ["configure", "run"]

_GRACE = 2.0  # seconds in which rank 0, if told to stop as well, cleans up and ends all


def run(args: argparse.Namespace) -> int:
    """Read, choose, compute, write; return the exit code."""
    began, is_root = time.monotonic(), True
    progress = not args.quiet and sys.stderr.isatty()
    options = {"address": args.address} if args.engine == "dask" else {}
    try:
        _check(args)
        if args.address and not args.quiet:
            print(f"paralg pagerank: asking the Dask scheduler at {args.address}, for at most "
                  f"{ANSWER:.0f} s", file=sys.stderr, flush=True)  # fmt: skip
        with connect(args.engine, args.workers, progress=progress, **options) as engine:
            is_root = engine.is_root
            say = _speaker(engine, args.quiet)
            if engine.name != "serial":
                say(_place(engine))
            with _all_ranks_end(engine):
                job = _plan(args, _read(args, engine, say), say)
                lines = _solve(args, job, engine, say)
            where = args.output or "standard output"
            say(f"{lines:,} lines to {where} in {time.monotonic() - began:.1f} s")
    except (CommandError, EngineError, KeyboardInterrupt, MemoryError, ValueError,
            ArithmeticError) as error:  # fmt: skip
        shown = _as_shown(error)
        raise shown if is_root else CommandError("", getattr(shown, "code", INTERRUPTED)) from error
    return 0


def _as_shown(error: BaseException) -> BaseException:
    """Return the error as the user sees it: a message and an exit code, or an interrupt."""
    if isinstance(error, (CommandError, KeyboardInterrupt)):
        return error
    if isinstance(error, MemoryError) or "MemoryError" in getattr(error, "message", ""):
        return CommandError("out of memory; try --method walks or a smaller --top", FAILED)
    return CommandError(str(error), FAILED if isinstance(error, EngineError) else USAGE)


@contextlib.contextmanager
def _all_ranks_end(engine: Engine) -> Iterator[None]:
    """End all ranks when one is out of memory or told to stop; the others would wait for ever."""
    if engine.name != "mpi":
        yield
        return
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    threading.Thread(target=_end_unanswered, args=(heard,), daemon=True).start()
    try:
        yield
    except (MemoryError, KeyboardInterrupt) as error:
        if not engine.is_root:
            time.sleep(_GRACE)
        print(f"paralg pagerank: {_as_shown(error)}", file=sys.stderr, flush=True)
        raise SystemExit(getattr(error, "code", FAILED)) from error
    finally:
        signal.set_wakeup_fd(-1)


def _end_unanswered(heard: int) -> None:
    """End this rank, and so all, for a signal that Python cannot answer while MPI waits."""
    for number in os.read(heard, 1):
        time.sleep(2 * _GRACE)
        if signal.getsignal(number) != signal.SIG_IGN:  # as it would be after an answer
            print(f"paralg pagerank: {Stopped(number)}", file=sys.stderr, flush=True)
            os._exit(128 + number)


def _check(args) -> None:
    """Refuse what could only fail later."""
    out = args.output
    unfit = "" if out is None else _unfit(out)
    for refused, message in (
        (args.edges == "-" and sys.stdin is None, "cannot read standard input: it is closed"),
        (out is None and sys.stdout is None, "cannot write standard output: it is closed"),
        (args.resume and out is None,
         "--resume needs --output, beside which it keeps the finished sources"),
        (args.address and args.engine != "dask",
         f"--address is for --engine dask, got --engine {args.engine}"),
        (unfit, f"--output must be {unfit}"),
        (len(args.quote) > 1 or (args.quote and args.quote in (args.delimiter, args.decimal)),
         f"--quote must be none, or a sign unlike --delimiter and --decimal, got {args.quote!r}"),
        (args.delimiter == args.decimal == ",", "--decimal must differ from --delimiter, got ','"),
        (args.columns and args.weights == ("ignored", "required")[len(args.columns) == 2],
         f"--columns {','.join(args.columns or ())} contradicts --weighted or --unweighted"),
        (not set(args.output_delimiter) - set("0123456789.e+-"),
         f"--output-delimiter must differ from a score, got {args.output_delimiter!r}"),
        (args.top < 0, f"--top must not be negative, got {args.top}"),
        (not 0 <= args.threshold <= 1, f"--threshold must lie in 0..1, got {args.threshold}"),
        (args.seed is not None and args.method == "exact",
         f"--seed is for walks, and --method exact draws nothing, got --seed {args.seed}"),
        (not 0 <= (args.seed or 0) < 1 << 63, f"--seed must lie in 0..2**63 - 1, got {args.seed}"),
    ):  # fmt: skip
        if refused:
            raise CommandError(message)
    check_alpha(args.alpha)
    check_sizes(args.largest, args.hops)
    _accuracy(args, 2)


def _unfit(out: Path) -> str:
    """Say what an output must be and is not."""
    try:
        mode = out.stat().st_mode
    except FileNotFoundError:
        folder = out.resolve().parent
        return "" if folder.is_dir() else f"in a folder that exists, got {folder}"
    except OSError as error:
        return f"a name of a file, got {str(out)[:200]}: {error.strerror}"
    if not stat.S_ISREG(mode):
        what = f"the folder {out}" if stat.S_ISDIR(mode) else f"{out}; write there with '>'"
        return f"a regular file, got {what}"
    return "" if os.access(out, os.W_OK) else f"writable, got {out}, which is write-protected"


def _accuracy(args, n: int) -> AccuracyRequest:
    return AccuracyRequest.of(
        n, omega=args.omega, epsilon=args.epsilon, delta=args.delta, p_fail=args.failure,
        error=args.error,
    )  # fmt: skip


def _speaker(engine: Engine, quiet: bool) -> Callable[[str], None]:
    """Return a function that reports on standard error, on one rank only."""

    def say(text: str) -> None:
        if engine.is_root and not quiet:
            print(f"paralg pagerank: {text}", file=sys.stderr, flush=True)

    return say


def _place(engine: Engine) -> str:
    """Say where the run takes place."""
    if engine.name == "mpi" and engine.workers == 1:
        return "engine mpi, 1 rank only; 'mpiexec -n 4 paralg pagerank ...' starts more"
    workers = "1 worker" if engine.workers == 1 else f"{engine.workers} workers"
    return f"engine {engine.name}, {workers}"


def _from_root(engine: Engine, make: Callable[[], object]):
    """Return what ``make`` gives on the root rank, in all of them; its errors too."""
    if engine.name != "mpi":
        return make()

    def attempt(part, index):
        if index:
            return None
        try:
            return make(), None
        except (CommandError, ValueError, OSError) as error:
            return None, error

    parts = engine.map(attempt, engine.scatter([None] * engine.workers))
    value, error = engine.gather(parts)[0]
    if error is not None:
        raise error
    return value


def _read(args, engine: Engine, say) -> Digraph:
    """Read the edge list on the root rank."""
    form = EdgeFormat(**{k: v for k, v in vars(args).items() if k in EdgeFormat._fields})
    source = sys.stdin.buffer if args.edges == "-" else args.edges

    def read():
        _refuse_same_file(source, args.output)
        watch = partial(engine.progress, label="lines", delay=1.0)
        (*arcs, names, undirected), notes = read_edge_list(source, form, watch=watch)
        _refuse_names(args, names)
        return Digraph.from_arcs(*arcs, names=names, undirected=undirected), notes

    try:
        graph, notes = _from_root(engine, read)
    except EdgeListError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"cannot read {args.edges}: {error.strerror or error}") from error
    for note in notes:
        say(f"note: {note}")
    return graph


def _refuse_same_file(source, output: Path | None) -> None:
    """Refuse to write where the input is read, also through links, or where it would be removed."""
    named = isinstance(source, str)
    if output and named and folder_of(output) in Path(source).resolve().parents:
        raise CommandError(f"the edge list lies in the checkpoint {folder_of(output)}")
    with contextlib.suppress(OSError, ValueError):  # what there is not
        read = os.stat(source if named else source.fileno())
        write = os.stat(output or sys.stdout.fileno())
        if stat.S_ISREG(write.st_mode) and os.path.samestat(read, write):
            where = output or "standard output"
            raise CommandError(f"the output {where} is the edge list itself; choose another")


def _refuse_names(args, names: tuple[str, ...]) -> None:
    """Refuse names, and a delimiter, that the output cannot hold."""
    for name in (*names, args.output_delimiter):
        if args.output_delimiter in name and name is not args.output_delimiter:
            raise CommandError(
                f"node name {name!r} contains the output delimiter "
                f"{args.output_delimiter!r}; choose another with --output-delimiter"
            )
        try:
            if args.output is None:
                name.encode(sys.stdout.encoding or "utf-8", sys.stdout.errors or "strict")
        except UnicodeEncodeError as error:
            raise CommandError(
                f"standard output, {error.encoding}, cannot hold {name!r}: "
                "PYTHONIOENCODING=utf-8 or --output can",
                FAILED,
            ) from error


def _plan(args, graph: Digraph, say) -> RankingJob:
    """Choose the method and say which and why."""
    accuracy = _accuracy(args, graph.n)
    choice = choose_method(
        graph.n, graph.m, args.alpha, accuracy, memory=args.memory, method=args.method
    )
    dead = int(graph.dangling.sum())
    say(f"{graph.n:,} nodes, {graph.m:,} arcs, {dead:,} nodes without arcs")
    detail = f"L1 error {choice.error:.2g}" if choice.method == "exact" else (
        f"{accuracy.omega:,} walks per source"
    )  # fmt: skip
    say(f"accuracy: {accuracy.asked}")
    say(f"method {choice.method} ({detail}): {choice.why}")
    if choice.method == "exact" and args.seed is not None:
        say("note: nothing is drawn, so --seed is not used")
    return RankingJob(
        graph,
        RankingSettings(
            choice.method, args.alpha, args.dangling, min(args.top or graph.n, graph.n),
            args.threshold, accuracy.omega, args.seed or 0, args.largest, args.hops, choice.error,
            choice.block,
        ),
    )  # fmt: skip


def _solve(args, job: RankingJob, engine: Engine, say) -> int:
    """Solve chunk by chunk, then write the output; leave nothing behind that was not asked for."""
    space = Workspace(args.output, args.resume, say, engine.name == "mpi")
    begun = done = False
    try:
        planned = _from_root(engine, lambda: space.open(job, chunks(job, engine.workers)))
        missing = _from_root(engine, lambda: [c for c in planned if not space.has(c)])
        if len(missing) < len(planned):
            say(f"{len(planned) - len(missing)} of {len(planned)} chunks are finished already")
        _solve_chunks(job, engine, space, planned, missing)
        begun = args.output is None
        kind = args.output_delimiter, not args.no_header
        lines = _from_root(engine, lambda: space.write(planned, job.graph, *kind))
        done = True
    except BrokenPipeError:
        raise
    except OSError as error:
        where, why = error.filename or "standard output", error.strerror or error
        shown = f"cannot write {where}: {why}; {_left(args, begun)}"
        raise CommandError(shown, FAILED) from error
    except KeyboardInterrupt as error:
        error.args = (f"{str(error) or 'interrupted'}; {_left(args, begun)}",)
        raise
    finally:
        if engine.is_root:
            space.close(done)
    return lines


def _solve_chunks(job: RankingJob, engine: Engine, space: Workspace, planned, missing) -> None:
    table = job.table() if missing else None
    todo = set(missing)
    for chunk in engine.progress(planned, total=len(planned), label="chunks of sources"):
        if chunk in todo:
            rows = job.solve(chunk, engine, table)
            _from_root(engine, lambda chunk=chunk, rows=rows: space.put(chunk, rows))


def _left(args, begun: bool) -> str:
    """Say what a run that did not end leaves behind, and what to do next."""
    if args.resume:
        where = folder_of(args.output)
        return f"finished sources are kept, the same command goes on from there ({where})"
    return "standard output is not complete" if begun else "nothing was written"

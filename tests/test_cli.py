"""The command ``paralg``: what it prints, what it writes, and what it leaves behind."""

import gzip
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import paralg
from paralg.cli import COMMANDS, main
from paralg.rounds.personalized_pagerank import Digraph, command, dense_solve
from paralg.rounds.personalized_pagerank.command import workspace
from paralg.rounds.personalized_pagerank.command.job import RankingJob, RankingSettings, chunks
from paralg.rounds.personalized_pagerank.experiments.graphs import les_miserables, stdlib_imports
from paralg.rounds.personalized_pagerank.fast import exact

DATA = Path(paralg.__file__).parent / "data" / "graphs"
PEOPLE = [str(DATA / "les_miserables.tsv"), "--delimiter", "tab", "--undirected"]
MODULES = [str(DATA / "stdlib_imports.tsv")]
WALKS = ["--method", "walks", "--omega", "200", "--top", "5"]
MPIEXEC = Path(sysconfig.get_path("scripts")) / "mpiexec"
HAS_MPI = MPIEXEC.exists() and importlib.util.find_spec("mpi4py") is not None


def MPI(test):
    """Mark a test that starts ranks with the mpiexec of the wheel mpich."""
    return pytest.mark.mpi(pytest.mark.skipif(not HAS_MPI, reason="needs mpi4py, mpich")(test))


def program(*arguments, before=()):
    return [*map(str, before), sys.executable, "-m", "paralg", *map(str, arguments)]


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def start(*arguments, before=(), **given):
    """Run the command as a user does."""
    return subprocess.run(
        program(*arguments, before=before),
        capture_output=True, timeout=200, env=environment(), **given,
    )  # fmt: skip


def inside(capsys, *arguments):
    """Run the command in this process; return the exit code, output and errors."""
    code = main(["pagerank", *map(str, arguments)])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def lines(text: str) -> list[tuple[str, str, float]]:
    header, *rows = text.splitlines()
    assert header == "source\ttarget\tscore"
    fields = (row.split("\t") for row in rows)
    return [(source, target, float(score)) for source, target, score in fields]


@pytest.fixture(scope="module")
def walked():
    """Output of the reference run: walks on the serial engine, to standard output."""
    done = start("pagerank", *PEOPLE, *WALKS)
    assert done.returncode == 0, done.stderr
    return done


# What it prints.


def test_help_names_every_command_without_loading_it():
    code = (
        "import sys; from paralg.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    )
    code += "print('numba' in sys.modules, 'numpy' in sys.modules)"
    out = subprocess.check_output([sys.executable, "-c", code], text=True, env=environment())
    assert all(name in out for name in COMMANDS)
    assert out.splitlines()[-1] == "False False"


def test_help_of_pagerank_has_examples(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["pagerank", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "mpiexec -n 64" in text
    assert "exit codes: 0 done, 1 failed on the way, 2 wrong usage or input, 129" in text
    assert "Two methods: 'exact' is power iteration" in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["pagerank"],
        ["pagerank", "x", "--top", "y"],
        ["pagerank", "x", "--memory", "lots"],
        ["pagerank", "x", "--delimiter", ""],
        ["pagerank", "x", "--output", "x/"],
        ["pagerank", "x", "--columns", "1"],
        ["pagerank", "x", "--columns", "1,1"],
        ["pagerank", "x", "--header", "--first", "arc"],
        ["pagerank", "x", "--weighted", "--unweighted"],
        ["pagerank", "x", "--directed", "--undirected"],
    ],
)
def test_wrong_usage_ends_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: paralg" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"paralg {paralg.__version__}\n"


# What it computes.


def test_exact_scores_are_exact(capsys):
    code, out, err = inside(capsys, *PEOPLE, "--top", 3)
    assert code == 0
    assert "77 nodes, 508 arcs, 0 nodes without arcs" in err
    assert "method exact (L1 error 1e-06): its blocks need 90.2 kB; predicted" in err
    graph, rows = les_miserables(), lines(out)
    exact, number = dense_solve(graph), {name: u for u, name in enumerate(graph.names)}
    assert len(rows) == 3 * 77
    assert max(abs(score - exact[number[a], number[b]]) for a, b, score in rows) < 1e-6


def test_walks_are_told_and_are_near(walked):
    assert b"method walks (200 walks per source): as asked" in walked.stderr
    graph, rows = les_miserables(), lines(walked.stdout.decode())
    exact, number = dense_solve(graph), {name: u for u, name in enumerate(graph.names)}
    assert max(abs(score - exact[number[a], number[b]]) for a, b, score in rows) < 0.15
    assert all((score * 200) % 1 < 1e-6 or (score * 200) % 1 > 1 - 1e-6 for *_, score in rows)


def test_options_reach_the_method(capsys):
    code, out, _ = inside(capsys, *MODULES, "--dangling", "source", "--alpha", 0.5, "--top", 0,
                          "--threshold", 0.01, "--error", 1e-9, "--quiet")  # fmt: skip
    graph = stdlib_imports()
    exact = dense_solve(graph, 0.5, "source")
    rows = lines(out)
    assert code == 0
    assert len(rows) == (exact >= 0.01).sum()


def test_memory_decides(capsys):
    _, _, err = inside(capsys, *PEOPLE, "--memory", "10K", "--omega", 20, "--top", 1)
    assert "method walks (20 walks per source): exact does not fit: 8 sources at a time need" in err
    code, out, err = inside(capsys, *PEOPLE, "--memory", "10K", "--method", "exact")
    assert (code, out) == (2, "")
    assert "more than the 10.2 kB allowed" in err


def test_quiet_is_quiet(capsys):
    assert inside(capsys, *PEOPLE, "--quiet", "--top", 1)[2] == ""


# Where it runs.


@pytest.mark.weekly
@pytest.mark.parametrize("workers", [1, 3])
def test_processes_give_the_same_bytes(walked, workers):
    done = start("pagerank", *PEOPLE, *WALKS, "--engine", "processes", "--workers", workers)
    assert (done.returncode, done.stdout) == (0, walked.stdout)
    assert f"engine processes, {workers} worker".encode() in done.stderr


@MPI
def test_ranks_give_the_same_bytes_and_one_of_them_writes(walked, tmp_path):
    output = tmp_path / "ranks.tsv"
    done = start("pagerank", *PEOPLE, *WALKS, "--engine", "mpi", "--output", output,
                 before=[MPIEXEC, "-n", 2])  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == walked.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["ranks.tsv"]
    assert done.stderr.count(b"77 nodes") == 1
    assert done.stderr.count(b"engine mpi, 2 workers") == 1


@MPI
def test_ranks_end_together_on_bad_input(tmp_path):
    bad = tmp_path / "edges.txt"
    bad.write_text("a b 1\na b zero\n")
    done = start("pagerank", bad, "--engine", "mpi", before=[MPIEXEC, "-n", 2])
    assert done.returncode == 2
    assert done.stderr.count(b"line 2: expected a positive weight, got 'zero'") == 1


@pytest.mark.dask
@pytest.mark.weekly
def test_dask_gives_the_same_bytes(tmp_path):
    pytest.importorskip("distributed")
    edges = tmp_path / "edges.txt"
    edges.write_text("a b 2\nb c 1\nc a 1\na c 5\n")
    asked = ["pagerank", edges, "--method", "walks", "--omega", 20, "--alpha", 0.6]
    alone, apart = start(*asked), start(*asked, "--engine", "dask", "--workers", 2)
    assert apart.returncode == 0, apart.stderr
    assert apart.stdout == alone.stdout


def test_engines_that_cannot_be_had(capsys):
    code, _, err = inside(capsys, *PEOPLE, "--engine", "serial", "--workers", 3)
    assert code == 2
    assert "the serial engine has 1 worker, got workers=3; 'processes' has more" in err
    code, _, err = inside(capsys, *PEOPLE, "--address", "tcp://nowhere:1")
    assert (code, err) == (
        2, "paralg pagerank: --address is for --engine dask, got --engine serial\n",
    )  # fmt: skip


# What it reads.


def test_standard_input_and_any_names(walked):
    text = "Zürich,São Paulo,3\nSão Paulo,a b c,1\n"
    done = start("pagerank", "-", "--delimiter", ",", "--weighted", "--quiet", input=text.encode())
    rows = lines(done.stdout.decode())
    assert {row[0] for row in rows} == {"Zürich", "São Paulo", "a b c"}
    assert rows[0][:2] == ("Zürich", "a b c")
    assert done.stderr == b""


def test_gzip_in_and_out(capsys, tmp_path):
    packed, output = tmp_path / "edges.gz", tmp_path / "ranks.tsv.gz"
    packed.write_bytes(gzip.compress(Path(PEOPLE[0]).read_bytes(), mtime=0))
    code, out, _ = inside(capsys, packed, *PEOPLE[1:], "--output", output)
    _, plain, _ = inside(capsys, *PEOPLE)
    assert (code, out) == (0, "")
    assert gzip.decompress(output.read_bytes()).decode() == plain


def test_options_of_the_input_reach_the_reader_and_notes_are_said(capsys, tmp_path):
    edges = tmp_path / "edges.csv"
    edges.write_text("# made today\nwhen|'w'|x|y\n1|2,5|a|'b|c'\n2|1|a|a\n")
    code, out, err = inside(capsys, edges, "--columns", "x,y,w", "--delimiter", "|", "--quote", "'",
                            "--decimal", ",", "--alpha", 0.5, "--error", 1e-9)  # fmt: skip
    assert code == 0
    assert {row[:2] for row in lines(out)} == {("a", "a"), ("a", "b|c"), ("b|c", "b|c")}
    assert dict(zip("ab", (r[2] for r in lines(out)), strict=False))["a"] == pytest.approx(7 / 12)
    assert "note: comment lines skipped: 1" in err
    edges.write_text("x y\n1 2\n")
    code, out, err = inside(capsys, edges, "--first", "arc")
    assert (code, len(lines(out))) == (0, 6)
    code, out, err = inside(capsys, edges)
    assert "note: the first line 'x y' gives the columns and is no arc" in err


def test_bad_lines_are_listed(capsys, tmp_path):
    edges, output = tmp_path / "edges.txt", tmp_path / "ranks.tsv"
    edges.write_text("a b 1\n" * 16 + "a\n" + "a b -1\n" + "b a nan\n" * 30)
    code, out, err = inside(capsys, edges, "--output", output)
    assert (code, out) == (2, "")
    assert err.startswith("paralg pagerank: 32 bad lines\n")
    assert "edges.txt, line 17: expected 'source target [weight]', got 'a'" in err
    assert "edges.txt, line 18: expected a positive weight, got '-1'" in err
    assert err.endswith("and 12 more\n")
    assert [path.name for path in tmp_path.iterdir()] == ["edges.txt"]


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "cannot read {0}: No such file or directory"),
        (b"", "{0}: expected at least one line 'source target [weight]', found none"),
        (
            gzip.compress(b"a b\n" * 500, mtime=0)[:-9],
            "cannot read {0}: the gzip data is damaged or cut off",
        ),
        ("a b".encode("utf-16"), "cannot read {0}: expected UTF-8 text, plain or gzip, got"),
        (b"a;b;0,5\nb;c;2\n", "positive weight, got '0,5'\ntry --decimal ','"),
        (b"3 3\n1 2\n2 3\n3 1\n", "nodes and arcs (--first counts), or an arc (--first arc)"),
        (b"a b weight\nb c 2\n", "{0}, line 1: expected a positive weight"),
        (b"a b weight\nb c 2\n", "try --header if the first line names the columns"),
    ],
)
def test_unreadable_input(capsys, tmp_path, content, message):
    edges = tmp_path / "edges.txt"
    if content is not None:
        edges.write_bytes(content)
    code, out, err = inside(capsys, edges)
    assert (code, out) == (2, "")
    assert message.format(edges) in err


@pytest.mark.parametrize(
    "asked, message",
    [
        (["--alpha", "0"], r"alpha must lie in (0, 1], got 0.0"),
        (["--alpha", "1e-9"], r"alpha must be at least 1e-06, got 1e-09"),
        (["--quote", "::"], "--quote must be none, or a sign unlike --delimiter and --decimal"),
        (["--quote", "\t"], "and --decimal, got '\\t'"),
        (["--columns", "1,2", "--weighted"], "--columns 1,2 contradicts --weighted"),
        (["--columns", "1,2,3", "--unweighted"], "--columns 1,2,3 contradicts"),
        (["--output-delimiter", "."], "--output-delimiter must differ from a score, got '.'"),
        (["--output", "-", "--resume"], "--resume needs --output"),
        (["--engine", "dask", "--address", "foo"], "address must be one such as tcp://head:8786"),
        (["--error", "1e-300"], "error must be at least 1e-15, got 1e-300"),
        (["--top", "-1"], "--top must not be negative, got -1"),
        (["--omega", "0"], "omega must be positive, got 0"),
        (["--omega", "5", "--error", "1"], "give one of omega, error, or epsilon with delta"),
        (["--error", "2.5"], "error must be below 2, where any distribution is, got 2.5"),
        (["--threshold", "nan"], "--threshold must lie in 0..1, got nan"),
        (["--output", "/dev/null"], "--output must be a regular file, got /dev/null"),
        (["--largest", "1", "--omega", "5"], "largest must be at least 2, got 1"),
        (["--resume"], "--resume needs --output"),
        (["--output", "/no/such/x.tsv"], "--output must be in a folder that exists, got /no/such"),
        (["--output", ".."], "--output must be a regular file, got the folder .."),
        (["--output", "x" * 300], f"must be a name of a file, got {'x' * 200}: File name too long"),
        (["--output-delimiter", "a"], "contains the output delimiter 'a'"),
        (["--seed", str(2**70), "--omega", "5"], "--seed must lie in 0..2**63 - 1"),
    ],
)
def test_senseless_requests(capsys, asked, message):
    code, out, err = inside(capsys, *PEOPLE, *asked)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_out_of_memory_is_as_shown(capsys, monkeypatch):
    def greedy(*args):
        raise MemoryError

    monkeypatch.setattr(RankingJob, "solve", greedy)
    code, _, err = inside(capsys, *PEOPLE)
    assert (code, "out of memory; try --method walks or a smaller --top" in err) == (1, True)
    rank = SimpleNamespace(name="mpi", is_root=True)
    with pytest.raises(SystemExit), command._all_ranks_end(rank):  # and ends all ranks
        raise MemoryError
    assert "out of memory" in capsys.readouterr().err


# What it writes and leaves behind.


def test_output_appears_whole_or_not_at_all(capsys, tmp_path, monkeypatch):
    output = tmp_path / "ranks.tsv"
    output.write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = inside(capsys, *PEOPLE, "--output", output)
    assert code == 1
    assert f"cannot write {output}: No space left on device; nothing was written" in err
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["ranks.tsv"]


@pytest.mark.parametrize("resume", [True, False])
def test_no_room_for_a_chunk(capsys, tmp_path, monkeypatch, resume):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("paralg.rounds.personalized_pagerank.command.workspace.save_rows", full)
    asked = ["--output", tmp_path / "ranks.tsv", *["--resume"] * resume]
    code, _, err = inside(capsys, *PEOPLE, *asked)
    left = "finished sources are kept" if resume else "nothing was written"
    assert code == 1
    assert f"cannot write {tmp_path}/.ranks.tsv" in err
    assert f"No space left on device; {left}" in err
    assert len(list(tmp_path.iterdir())) == resume


@MPI
@pytest.mark.weekly
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_ranks_end_together_when_the_disk_is_full(tmp_path):
    output, full = tmp_path / "ranks.tsv", Path("/dev/full")
    folder = tmp_path / ".ranks.tsv.resume"
    folder.mkdir()
    (folder / "rows-0-77.partial").symlink_to(full)
    done = start("pagerank", *PEOPLE, *WALKS, "--engine", "mpi", "--output", output, "--resume",
                 before=[MPIEXEC, "-n", 2])  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count(b"No space left on device; finished sources are kept") == 1


@pytest.fixture
def small(tmp_path):
    """An edge list in a folder of its own."""
    edges = tmp_path / "in" / "edges.txt"
    edges.parent.mkdir()
    edges.write_text("a b\nb Zürich\n")
    return edges


def test_the_edge_list_is_never_the_output(capsys, small, monkeypatch):
    link, other = small.with_name("link"), small.with_name("hard")
    link.symlink_to(small)
    other.hardlink_to(small)
    before = small.read_bytes()
    for edges, output in ((small, small), (small, link), (link, small), (small, other)):
        code, out, err = inside(capsys, edges, "--output", output)
        assert (code, out) == (2, "")
        assert f"the output {output} is the edge list itself; choose another" in err
    with small.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert "is the edge list itself" in inside(capsys, "-", "--output", small)[2]
    kept = small.with_name(".o.tsv.resume") / "edges.txt"
    kept.parent.mkdir()
    kept.write_bytes(before)
    code, _, err = inside(capsys, kept, "--output", small.with_name("o.tsv"), "--resume")
    assert (code, "the edge list lies in the checkpoint" in err) == (2, True)
    assert small.read_bytes() == kept.read_bytes() == before


def test_an_output_that_cannot_be_written_is_refused_at_once(capsys, small, monkeypatch):
    loop, protected = small.with_name("loop"), small.with_name("protected")
    loop.symlink_to(loop), protected.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    for output, why in ((loop, "Too many levels"), (protected, "write-protected")):
        code, _, err = inside(capsys, small, "--output", output)
        assert (code, err.startswith("paralg pagerank: --output must be"), why in err) == (2, 1, 1)


def test_a_dash_is_standard_output_and_it_must_hold_every_name(capsys, small, monkeypatch):
    monkeypatch.chdir(small.parent)
    code, out, _ = inside(capsys, small, "--output", "-")
    assert (code, "Zürich" in out, len(list(small.parent.iterdir()))) == (0, True, 1)
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    code = main(["pagerank", str(small)])
    assert (code, narrow.buffer.getvalue()) == (1, b"")
    assert "standard output, ascii, cannot hold 'Zürich'" in capsys.readouterr().err
    small.write_text("a b\n")
    code = main(["pagerank", str(small), "--output-delimiter", "→"])
    assert (code, narrow.buffer.getvalue()) == (1, b"")
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["pagerank", str(small)]) == 2
    assert "cannot write standard output: it is closed" in capsys.readouterr().err


def test_what_a_killed_run_left_is_removed_and_what_runs_is_not(capsys, small, tmp_path):
    dead, alive, old = (tmp_path / f".o.tsv-{x}.partial" for x in "abc")
    for folder in (dead, alive, old):
        folder.mkdir()
    (dead / "lock").touch()
    held = workspace._locked(alive)
    code, _, err = inside(capsys, small, "--output", tmp_path / "o.tsv")
    assert (code, err.count("note: removed")) == (0, 1)
    assert f"note: removed {dead}, which a killed run had left" in err
    assert sorted(path.name for path in tmp_path.glob(".*")) == [alive.name, old.name]
    held.close()


def test_damaged_checkpoints_are_named_and_made_again(capsys, tmp_path, interrupted):
    output = tmp_path / "ranks.tsv"
    asked = [*MODULES, "--method", "exact", "--output", output, "--resume", "--top", 4]
    inside(capsys, *asked)
    interrupted()
    rows = sorted((tmp_path / ".ranks.tsv.resume").glob("rows-*"))
    rows[0].write_bytes(rows[0].read_bytes()[:-100])
    with np.load(rows[1]) as archive:
        forged = {name: archive[name] for name in archive}
    forged["values"][0] += 0.01  # a valid archive, and not what was written
    np.savez(rows[1], **forged)
    note = (rows[0].parent / "job.json").read_text()
    held = workspace._locked(rows[0].parent)
    code, _, err = inside(capsys, *asked)
    assert (code, "another run is at work on" in err) == (2, True)
    held.close()
    code, _, err = inside(capsys, *asked)
    assert code == 0
    assert all(f"note: {one} is damaged, its sources are computed again" in err for one in rows[:2])
    assert "are finished already" not in err
    whole = output.read_text()
    assert whole == inside(capsys, *MODULES, "--method", "exact", "--top", 4)[1]
    twice = json.dumps(json.loads(note) | {"chunks": [[0, 9], [9, 3], [3, stdlib_imports().n]]})
    for damaged in (note.replace("[[0,", "[[1,"), twice, note[:-9], note.encode("utf-16")):
        rows[0].parent.mkdir()
        text = damaged if isinstance(damaged, bytes) else damaged.encode()
        (rows[0].parent / "job.json").write_bytes(text)
        code, _, err = inside(capsys, *asked)
        assert (code, "job.json is damaged, all sources are computed again" in err) == (0, True)
        assert output.read_text() == whole


def test_a_folder_that_is_no_checkpoint_is_named_and_left_alone(capsys, small, tmp_path):
    folder, output = tmp_path / ".o.tsv.resume", tmp_path / "o.tsv"

    def refused(why):
        code, out, err = inside(capsys, small, "--output", output, "--resume")
        shown = f"the checkpoint {folder}: {why}; remove it, or choose another --output\n"
        assert (code, out, err.splitlines(True)[-1]) == (2, "", f"paralg pagerank: {shown}")
        assert not output.exists()

    folder.touch()
    refused("it must be a folder")
    folder.unlink(), folder.mkdir()
    for name in ("notes.txt", "rows-1.npz", "job.json"):
        (folder / name).mkdir()
        refused(f"it holds {name}, which no run of this command wrote")
        (folder / name).rmdir()
    os.mkfifo(folder / "lock")
    refused("it holds lock, which no run of this command wrote")
    (folder / "lock").unlink()
    for text in ("[]", "3", "{}", '{"alpha": 0.2}'):
        (folder / "job.json").write_text(text)
        (folder / "rows-0-3.npz").touch()
        refused("job.json is of another kind or version")
        assert (folder / "job.json").read_text() == text


def test_what_ranks_left_is_removed_when_they_are_gone(capsys, small):
    job = SimpleNamespace(fingerprint=dict)
    space = workspace.Workspace(small.with_name("o.tsv"), False, print, ranks=True)
    space.open(job, [])
    assert space.folder.is_dir()
    space.watch.stdin.close()  # as when the rank is killed
    assert space.watch.wait(20) == 0
    assert not space.folder.exists()


@pytest.mark.parametrize("answered", [False, True])
def test_a_rank_that_waits_in_mpi_ends_by_a_signal(monkeypatch, capsys, answered):
    ends, (heard, told) = [], os.pipe()
    os.write(told, bytes([signal.SIGTERM]))
    monkeypatch.setattr(command, "_GRACE", 0)
    monkeypatch.setattr(os, "_exit", ends.append)
    monkeypatch.setattr(signal, "getsignal", lambda _: [print, signal.SIG_IGN][answered])
    command._end_unanswered(heard)
    assert (ends, "terminated" in capsys.readouterr().err) == (([], False) if answered
                                                               else ([143], True))  # fmt: skip
    os.close(heard), os.close(told)


def test_a_link_and_permissions_stay(capsys, tmp_path):
    real, link = tmp_path / "real.tsv", tmp_path / "link.tsv"
    real.touch(0o600)
    link.symlink_to(real)
    assert inside(capsys, *PEOPLE, "--top", 1, "--output", link)[0] == 0
    assert link.is_symlink()
    assert len(real.read_text().splitlines()) == 78
    assert real.stat().st_mode & 0o777 == 0o600


def test_header_and_delimiter_of_the_output(capsys, tmp_path):
    output = tmp_path / "ranks.csv"
    inside(capsys, *PEOPLE, "--top", 1, "--output", output, "--output-delimiter", "comma",
           "--no-header")  # fmt: skip
    first = output.read_text().splitlines()[0].split(",")
    assert first[:2] == ["Babet", "Babet"]
    assert len(output.read_text().splitlines()) == 77
    assert output.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.fixture
def interrupted(monkeypatch):
    """Make the third chunk of a run fail like a Ctrl-C; return the solver that works."""
    solve, done = RankingJob.solve, []

    def fail_later(self, *args):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(args)
        return solve(self, *args)

    monkeypatch.setattr("paralg.rounds.personalized_pagerank.command.job._MOST_CHUNKS", 10)
    monkeypatch.setattr(RankingJob, "solve", fail_later)
    return lambda: monkeypatch.setattr(RankingJob, "solve", solve)


@pytest.mark.parametrize(
    "method",
    [
        ["--method", "exact"],
        pytest.param(["--method", "walks", "--omega", "9000"], marks=pytest.mark.weekly),
    ],
)
def test_an_interrupted_run_goes_on_where_it_was(capsys, tmp_path, interrupted, method):
    output = tmp_path / "ranks.tsv"
    asked = [*MODULES, *method, "--output", output, "--resume", "--top", 4]
    code, _, err = inside(capsys, *asked)
    assert code == 130
    assert "finished sources are kept, the same command goes on from there" in err
    assert [path.name for path in tmp_path.iterdir()] == [".ranks.tsv.resume"]
    interrupted()
    code, _, err = inside(capsys, *asked)
    assert code == 0
    assert "2 of " in err
    assert [path.name for path in tmp_path.iterdir()] == ["ranks.tsv"]
    _, whole, _ = inside(capsys, *MODULES, *method, "--top", 4)
    assert output.read_text() == whole


def test_a_checkpoint_of_another_run_is_refused(capsys, tmp_path, interrupted):
    output = tmp_path / "ranks.tsv"
    inside(capsys, *MODULES, "--output", output, "--resume")
    interrupted()
    code, _, err = inside(capsys, *PEOPLE, "--output", output, "--resume", "--alpha", 0.3)
    assert code == 2
    assert "is of another run: alpha was 0.2, now 0.3; omega was" in err
    assert "the graph is another one; remove it, or choose another --output" in err
    note = json.loads((tmp_path / ".ranks.tsv.resume" / "job.json").read_text())
    assert note["alpha"] == 0.2


def test_without_resume_nothing_is_left(capsys, tmp_path, interrupted):
    code, _, err = inside(capsys, *MODULES, "--output", tmp_path / "ranks.tsv")
    assert (code, list(tmp_path.iterdir())) == (130, [])
    assert "interrupted; nothing was written" in err


@pytest.mark.parametrize(
    "method, top, size",
    [
        ("exact", 50, 1024),  # a hundred chunks, in whole blocks
        ("exact", 100_000, 64),  # whole rows: one block at a time
        ("walks", 50, 1049),
        ("walks", 100_000, 1049),  # no more entries than walks
    ],
)
def test_a_chunk_is_bounded_by_its_entries(method, top, size):
    graph = Digraph.from_arcs([], [], n=100_000)
    settings = RankingSettings(method, 0.2, "stop", top, 0.0, 1000, 0, 1024, 1, 1e-6, 64)
    planned = chunks(RankingJob(graph, settings), 1)
    assert len(planned[0]) == size
    assert [n for part in planned for n in part] == list(range(100_000))


@pytest.mark.parametrize(
    "stop, code",
    [pytest.param(signal.SIGINT, 130, marks=pytest.mark.weekly), (signal.SIGTERM, 143)],
)
def test_a_signal_leaves_no_file_and_no_process(tmp_path, stop, code):
    psutil = pytest.importorskip("psutil")
    if signal.getsignal(stop) == signal.SIG_IGN:
        pytest.skip("whoever started the tests ignores this signal, and so does the command")
    edges = tmp_path / "in" / "edges.txt"
    edges.parent.mkdir()
    edges.write_text("".join(f"{u} {(u * 7 + k) % 3000}\n" for u in range(3000) for k in range(9)))
    asked = ["pagerank", edges, "--method", "walks", "--omega", 10**6, "--engine", "processes",
             "--workers", 2, "--output", tmp_path / "ranks.tsv"]  # fmt: skip
    running = subprocess.Popen(program(*asked), env=environment(), stderr=subprocess.PIPE)
    for line in running.stderr:
        if b"method walks" in line:
            break
    main, until, workers = psutil.Process(running.pid), time.monotonic() + 60, []
    while time.monotonic() < until:  # until both are at work
        workers = main.children(recursive=True)
        if len(workers) == 2 and all(one.cpu_times().user > 1 for one in workers):
            break
        time.sleep(0.05)
    assert len(workers) == 2
    running.send_signal(stop)
    _, err = running.communicate(timeout=60)
    assert running.returncode == code, err
    assert b"Traceback" not in err
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("stop, code, word", [
    (signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"),
    (signal.SIGHUP, 129, "hung up"),
])  # fmt: skip
def test_a_signal_passes_through_the_engine_and_is_told(capsys, tmp_path, monkeypatch, stop, code,
                                                        word):  # fmt: skip
    if signal.getsignal(stop) == signal.SIG_IGN:
        pytest.skip("whoever started the tests ignores this signal, and so does the command")
    monkeypatch.setattr(exact, "_sweep", lambda *_: signal.raise_signal(stop))
    for asked, left in (([], "nothing was written"), (["--resume"], "finished sources are kept")):
        found, out, err = inside(capsys, *PEOPLE, "--output", tmp_path / "o.tsv", *asked)
        assert (found, out) == (code, "")
        assert err.splitlines()[-1].startswith(f"paralg pagerank: {word}; {left}")
        assert [path.name for path in tmp_path.iterdir()] == [".o.tsv.resume"] * len(asked)
    assert signal.getsignal(stop) not in (signal.SIG_IGN, None)


def test_a_signal_that_a_callback_swallows_comes_again(capsys, small, monkeypatch):
    class Dying:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(command, "_plan", lambda *_: [Dying()].clear() or time.sleep(20))
    assert inside(capsys, small)[0] == 143


@MPI
@pytest.mark.weekly
@pytest.mark.parametrize("who, stop, code, word", [
    (0, signal.SIGTERM, 143, b"terminated"),  # mpiexec, which tells all ranks
    (2, signal.SIGHUP, 129, b"hung up"),  # rank 0; UCX would take the signal for itself
    (0, signal.SIGHUP, -signal.SIGHUP, b""),  # mpiexec, which then has all ranks killed
])  # fmt: skip
def test_ranks_end_together_when_told_to_stop(tmp_path, who, stop, code, word):
    psutil = pytest.importorskip("psutil")
    edges = tmp_path / "in" / "edges.txt"
    edges.parent.mkdir()
    edges.write_text("".join(f"{u} {(u * 7 + k) % 9000}\n" for u in range(9000) for k in range(9)))
    asked = ["pagerank", edges, "--engine", "mpi", "--output", tmp_path / "o.tsv"]
    running = subprocess.Popen(
        program(*asked, before=[MPIEXEC, "-n", 2]), env=environment(), stderr=subprocess.PIPE
    )
    next(line for line in running.stderr if b"method" in line)
    time.sleep(1)
    mpiexec = psutil.Process(running.pid)
    [mpiexec, *mpiexec.children(recursive=True)][who].send_signal(stop)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, b"Traceback" in err) == (code, False)
    assert not word or word + b"; nothing was written" in err
    until = time.monotonic() + 20
    while (names := [path.name for path in tmp_path.iterdir()]) != ["in"]:
        assert time.monotonic() < until, names
        time.sleep(0.05)


@MPI
@pytest.mark.weekly
def test_a_rank_is_told_to_stop_while_another_reads(tmp_path):
    psutil = pytest.importorskip("psutil")
    os.mkfifo(tmp_path / "edges")
    asked = ["pagerank", tmp_path / "edges", "--engine", "mpi", "--output", tmp_path / "o.tsv"]
    running = subprocess.Popen(
        program(*asked, before=[MPIEXEC, "-n", 2]), env=environment(), stderr=subprocess.PIPE
    )
    next(line for line in running.stderr if b"engine mpi" in line)
    time.sleep(1)
    psutil.Process(running.pid).children(recursive=True)[2].send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (143, b"paralg pagerank: terminated\n")
    assert [path.name for path in tmp_path.iterdir()] == ["edges"]


def test_an_interrupt_of_the_first_moment_prints_no_traceback():
    code = (
        "import runpy, signal, sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'paralg.cli': signal.raise_signal(signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Stop())\n"
        "runpy.run_module('paralg', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment())
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_a_reader_that_leaves_early():
    done = subprocess.run(
        ["bash", "-c", '"$@" | head -2; exit ${PIPESTATUS[0]}', "_",
         *program("pagerank", *MODULES, "--top", 0, "--quiet")],
        capture_output=True, timeout=200, env=environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == b""
    assert len(done.stdout.splitlines()) == 2

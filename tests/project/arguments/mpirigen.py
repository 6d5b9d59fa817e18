"""MPIrigen."""

import paralg.rounds.mpirigen as mr
from tests.project.arguments import Call

COVERS = ("paralg.rounds.mpirigen",)
NOT = {"explorer": "no argument", "toy": "no argument", "Call": "a tuple",
       "Completion": "a result"}  # fmt: skip

SOURCE = "int main()\n{\n  MPI_Init(0, 0);\n  a();\n}\n"
LINES, TRUE = mr.strip(SOURCE)
TEXT = mr.write_labels(TRUE)
READ = mr.published_calls(TEXT)
WORDS = mr.serialise(LINES, TRUE)
ANY = {"text": "unknown,empty", "program": "unknown,empty", "source": "empty",
       "variance": "zero", "L": "zero", "S": "zero", "lines": "zero", "written": "zero",
       "source_rank": "zero", "each": "zero", "place": "zero"}  # fmt: skip


def end(symbols):
    return "<end>"


def of(function, **arguments):
    return Call(function.__name__, function, arguments, fine=ANY)


CALLS = [
    of(mr.canonical, source=SOURCE), of(mr.strip, program=SOURCE),
    of(mr.insert, lines=LINES, calls=TRUE), of(mr.number_lines, lines=LINES),
    of(mr.write_labels, calls=TRUE), of(mr.parse_labels, text=TEXT),
    of(mr.lexemes, text=SOURCE), of(mr.prompt, lines=LINES, form="append"),
    of(mr.serialise, lines=LINES, calls=TRUE, form="append"), of(mr.read_calls, symbols=WORDS),
    of(mr.complete, reader=end, lines=LINES, form="append", longest=9),
    of(mr.complete_in_place, reader=end, lines=LINES),
    of(mr.tolerance, L=3, S=1, variance=1),
    of(mr.score, truth=TRUE, predicted=TRUE, variance=1, core=False),
    of(mr.averages, scores=[{"location": 1.0}]),
    of(mr.published_calls, text=TEXT), of(mr.published_tolerance, place=3.1, variance=1),
    of(mr.published_score, truth=READ, predicted=READ, variance=1, core=False),
    of(mr.published_table, pairs=[(TEXT, TEXT)], variance=1, core=False),
    of(mr.foresight, rows=[("a", 1)]), of(mr.writing_calls, lines=3, written=9, form="append"),
    of(mr.tree_messages, P=5), of(mr.collect_messages, P=5),
    of(mr.arrival, messages=[(1, 0)], each=2.0),
]  # fmt: skip

"""Checks of the exercises on MPIrigen."""

from paralg.rounds.mpirigen.experiments.moves import PROGRAMS
from paralg.rounds.mpirigen.labels import Call, insert, split_call, strip
from paralg.rounds.mpirigen.metric import tolerance
from paralg.teach.checking import call, close_to, equal_to_oracle, exercise, numbers, require


@exercise("ex-mpirigen-tolerance")
def tolerances(answer):
    """The tolerance set of (6, 1) at v = 1, as pairs."""
    try:
        found = {tuple(pair) for pair in answer}
    except TypeError:
        found = None
    require(found is not None, "is a list of pairs (L, S)", got=answer)
    right = tolerance(6, 1, 1)
    square = {(L, S) for L in (5, 6, 7) for S in (0, 1, 2)}
    require(found != square, "has a shift in the line or in the rank",
            "the corners, where both are shifted, are outside")  # fmt: skip
    require(found == right, "has the place, two other lines and two other ranks",
            got=sorted(found))  # fmt: skip
    return "Right: a cross of five places."


@exercise("ex-mpirigen-labels")
def labels(answer):
    """Places (L, S) of the three calls, six numbers."""
    found = numbers(answer, 6, "the places")
    close_to(found, [7, 1, 7, 2, 7, 0], name="the places", wrong={
        (7, 1, 8, 1, 9, 0): "lines are numbered after stripping: calls have no numbers",
        (7, 1, 7, 2, 8, 0): "a cut is named by the line before it",
        (7, 1, 7, 2, 7, 3): "a cut right-hand side has rank 0",
    })  # fmt: skip
    return "Right: two statements behind line 7, and line 8 is completed."


@exercise("ex-mpirigen-scores")
def scores(answer):
    """Location, function and arguments of the answer in the exercise."""
    found = numbers(answer, 3, "the three scores")
    close_to(found, [0.75, 2 / 3, 0.75], name="the scores", wrong={
        (0.75, 0.5, 0.75): "function is a share of the located calls, not of all",
        (0.75, 2 / 3, 2 / 3): "arguments are averaged over the calls with the right name",
        (1.0, 2 / 3, 0.75): "one true call has no prediction at its place",
    })  # fmt: skip
    return "Right: 3 of 4, 2 of 3, and the mean of 1 and one half."


@exercise("ex-mpirigen-insert")
def reinsert(answer):
    """Put statements back, against the library."""
    cases = []
    for program in PROGRAMS.values():
        lines, calls = strip(program)
        cases.append((lines, [(c.L, c.S, c.text) for c in calls][::-1]))
    cases.append((["a();"], [(0, 1, "MPI_A();"), (1, 2, "MPI_C();"), (1, 1, "MPI_B();")]))

    def oracle(lines, calls):
        made = [Call(L, S, *split_call(text)) for L, S, text in calls]
        return [line.strip() for line in insert(lines, made).splitlines()]

    call(answer, *cases[0])
    return equal_to_oracle(
        lambda lines, calls: [line.strip() for line in answer(lines, calls)], oracle, cases,
        name="puts every call behind its line, in the order of the ranks",
        hint="begin with the calls behind line 0, then a line and the calls behind it")  # fmt: skip


@exercise("ex-mpirigen-f1")
def spurious(answer):
    """Precision and F1 of the answer that predicts a call everywhere."""
    found = numbers(answer, 2, "precision and F1")
    close_to(found, [0.25, 0.4], name="the two", wrong={
        (0.25, 0.25): "F1 is 2 P R / (P + R), and location, the recall, is 1",
        (1.0, 1.0): "16 calls are predicted, and 4 of them are true",
    })  # fmt: skip
    return "Right: location is 1, but only a quarter of the calls belong there."


@exercise("ex-mpirigen-price")
def price(answer):
    """Seconds of the tree over those of the loop for P = 64: how many times faster."""
    close_to(answer, 10.5, name="the ratio", wrong={
        64 / 6: "the root does not send to itself: 63 messages",
        63 / 32: "the rounds are log₂ 64, not 64 / 2",
        6: "that is the number of rounds",
    })  # fmt: skip
    return "Right: 63 messages one after the other, or 6 rounds."

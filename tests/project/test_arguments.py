"""Every public function, called with every kind of bad argument: a clear error or the right value.

``python -m tests.project.test_arguments`` prints how many inputs were tried and what came of them.
"""

import numpy as np
import pytest

from tests.project import arguments


@pytest.mark.parametrize("name", arguments.PARTS)
def test_a_bad_argument_gets_a_clear_error_or_the_right_value(name):
    assert arguments.counted(name)[1] == []


@pytest.mark.parametrize("name", arguments.PARTS)
def test_every_public_function_is_tried(name):
    assert arguments.uncovered(name) == []


def test_every_package_with_public_functions_is_in_a_part():
    assert arguments.unlisted() == []


@pytest.mark.parametrize(("n", "rows", "stuck"), [
    (2, [[1], [0]], 0), (2, [[1], [~1]], None), (1, [[1, 1], [0, ~0]], None),
    (1, [[1], [2], [1, ~0]], 0), (1, [[1], [2], [3], [~0]], None), (1, [[~0, 1], [1]], 1),
])  # fmt: skip
def test_a_table_whose_walks_would_not_end_is_refused(n, rows, stuck):
    """Plain records, which toss no coin, from ``n`` on virtual ones, which walks go down."""
    from paralg.rounds.personalized_pagerank import MoveTable, random_walks

    sizes, own = [len(row) for row in rows], np.array(sum(rows, []), np.int32)
    zero = np.zeros(len(rows), np.uint8)
    table = MoveTable(n, 0.5, np.append(0, np.cumsum(sizes)), zero, zero, np.ones(len(own)),
                      np.ones(len(own)), own, own)  # fmt: skip
    if stuck is None:
        assert random_walks(table, 5).counts.values.sum() == 5 * n
    else:
        with pytest.raises(ValueError, match=f"a stop behind every record, got none for {stuck}"):
            random_walks(table, 5)


def test_graphs_cannot_be_changed_behind_their_checks():
    """Compiled loops follow their arrays and do not look again."""
    from paralg.rounds.ordinary_node import PortGraph
    from paralg.rounds.personalized_pagerank import Digraph

    indptr, ends, weights = np.array([0, 1, 2]), np.array([1, 0]), np.ones(2)
    for graph in (PortGraph(indptr, ends), Digraph(indptr, ends, weights)):
        before = [part.copy() for part in vars(graph).values() if part is not None]
        for mine in (indptr, ends, weights):
            mine[:] = mine[::-1] + 10**6
        parts = [part for part in vars(graph).values() if part is not None]
        assert all(map(np.array_equal, before, parts))
        for part in parts:
            with pytest.raises(ValueError, match="read-only"):
                part[0] = 10**6
        indptr[:], ends[:], weights[:] = [0, 1, 2], [1, 0], 1


def main(names=()) -> None:
    """Print the counts of every part, and the inputs with another outcome."""
    for name in names or arguments.PARTS:
        counts, wrong = arguments.counted(name)
        print(*wrong, *map("not tried: {}".format, arguments.uncovered(name)), sep="\n")
        clear, right = counts["clear error"], counts["right value"]
        print(f"{name}: {counts.total()} inputs tried, {clear} clear errors, {right} right values, "
              f"{counts.total() - clear - right} others")  # fmt: skip


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])

"""Every public function, called with every kind of bad argument: a clear error or the right value.

``python -m tests.project.test_arguments`` prints how many inputs were tried and what came of them.
"""

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

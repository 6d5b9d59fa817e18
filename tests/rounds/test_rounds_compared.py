"""One prefix sum on six machines."""

import doctest

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.rounds import compared
from paralg.rounds.compared import machines
from paralg.rounds.mpirigen.experiments.execute import MPIMissing, toolchain

CHAINS = (compared.by_chain_messages, compared.by_chain_layers)
DOUBLINGS = (compared.by_doubling_messages, compared.by_doubling_layers)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0.5, 20), min_size=1, max_size=12))
def test_all_machines_find_the_sums_in_the_rounds_of_their_wiring(values):
    n, right = len(values), np.cumsum(values)
    tables = [way(values) for way in (*CHAINS, *DOUBLINGS, compared.at_once)]
    for table in tables:
        assert table.sums == pytest.approx(right, rel=1e-9)
        assert table.complete[-1].all()
        assert (np.diff(table.complete.astype(int), axis=0) >= 0).all()  # a sum is never lost
    strides = (n - 1).bit_length()
    assert [table.rounds for table in tables] == [n - 1] * 2 + [strides] * 2 + [int(n > 1)]
    doubled = sum(n - (1 << t) for t in range(strides))
    assert [table.messages for table in tables] == [n - 1] * 2 + [doubled] * 2 + [n * (n - 1) // 2]
    for a, b in (tables[:2], tables[2:4]):
        assert a.wires == b.wires
        assert np.array_equal(a.complete, b.complete)


def test_what_a_worker_holds_depends_on_what_reached_it_and_on_nothing_else():
    values = np.arange(1.0, 9)
    for way in (*CHAINS, *DOUBLINGS):
        for worker in range(8):
            cone = compared.reached(way(values), worker)
            other = values + 0.25 * (np.arange(8) == worker)
            changed = ~np.isclose(way(other).sums, way(values).sums, rtol=1e-9)
            assert np.array_equal(changed, cone[-1])
            assert cone[0].sum() == 1
            assert (cone.sum(axis=1) <= 2.0 ** np.arange(len(cone))).all()


def test_cost_of_a_round():
    values = [1] * 8
    chain, doubling, once = (way(values) for way in (CHAINS[0], DOUBLINGS[0], compared.at_once))
    assert [table.heard for table in (chain, doubling, once)] == [7, 3, 7]
    assert doubling.bsp(2) == once.bsp(2) == 9 < chain.bsp(2) == 21
    assert (chain.ordinary, doubling.ordinary, once.ordinary) == (3.5, 2.125, 0.875)


def test_real_ranks_find_the_sums():
    try:
        toolchain()
    except MPIMissing as missing:
        pytest.skip(str(missing))
    values = [3, 1, 4, 1.5]
    for program in (compared.CHAIN, compared.DOUBLING):
        assert compared.by_ranks(program, values) == pytest.approx(np.cumsum(values))
    with pytest.raises(ValueError, match="must run on 2 ranks, got: does not compile"):
        compared.by_ranks("int main(", [1, 2])


def test_the_picture_and_the_examples():
    figure, ax = plt.subplots()
    compared.draw_rounds(ax, compared.by_doubling_messages([1] * 8))
    assert len(ax.lines) == 17
    plt.close(figure)
    assert doctest.testmod(machines).failed == 0

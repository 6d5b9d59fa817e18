r"""A small language for layers: say in columns what is looked at and what is written.

A `LayerProgram` names columns; `compile_layer` fills the eight arrays of a GATv2 layer from it.
A *form* is a dict, column → coefficient. Columns are never negative (ReLU), so signed quantities
are pairs: a ``pairs`` entry such as ``"r": {"r1": 1, "r2": -1}`` may be used in any form.
The language is ours [reconstructed]; the paper has one of its own [saldyt-2025-mind].
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.rounds.neural_compilation.layer import SLOPE, GATv2Weights

__all__ = ["EDGES", "LayerProgram", "Write", "compile_layer"]

EDGES = ("weight", "self")  # features of edges: the weight, and whether i = j
Form = Mapping[str, float]


class Write(NamedTuple):
    """ReLU(sum over attended senders + own form + constant): what goes into a column."""

    attended: Form = {}
    own: Form = {}
    edge: Form = {}
    constant: float = 0.0


@dataclass(frozen=True, eq=False)
class LayerProgram:
    """One layer in words.

    Parameters
    ----------
    columns : tuple of str
    key, key_edge : dict of str to float, a node attends to the sender of the largest sum
    beta : float, inverse temperature of the softmax
    write : dict of str to Write, what columns become; without an entry, and not carried, 0
    carry : tuple of str, columns that stay as they are
    pairs : dict of str to dict, names for forms
    everywhere : bool, attend to all nodes rather than to neighbours and self
    """

    columns: tuple[str, ...]
    key: Form
    beta: float
    write: Mapping[str, Write]
    carry: tuple[str, ...] = ()
    key_edge: Form = field(default_factory=dict)
    pairs: Mapping[str, Form] = field(default_factory=dict)
    everywhere: bool = False

    def row(self, form: Form) -> NDArray[np.float64]:
        """Return a form as a row over the columns; ValueError for a name that there is not."""
        found = np.zeros(len(self.columns))
        for name, factor in form.items():
            checks.one_of("column", name, (*self.columns, *self.pairs))
            factor = checks.number(name, factor)
            for column, sign in self.pairs.get(name, {name: 1.0}).items():
                found[self.columns.index(column)] += factor * sign
        return found


def compile_layer(program: LayerProgram) -> GATv2Weights:
    r"""Fill the weights of a layer from its program.

    Two key units, u and −u, and a = (1, −1)/(1 + 0.2) give exactly u through LeakyReLU, so that
    logits are linear in spite of it.

    Parameters
    ----------
    program : LayerProgram
        ValueError for a column or edge feature that it does not name.

    Examples
    --------
    >>> largest = LayerProgram(("x",), {"x": 1}, 100.0, {"x": Write({"x": 1})})
    >>> w = compile_layer(largest)
    >>> w.sender.ravel().tolist(), (1.2 * w.logit).round(9).tolist()
    ([100.0, -100.0], [1.0, -1.0])
    """
    checks.instance("program", program, LayerProgram)
    beta = checks.number("beta", program.beta, above=0)
    C, E = len(program.columns), len(EDGES)

    def edge_row(form):
        named = {checks.one_of("edge feature", e, EDGES): checks.number(e, form[e]) for e in form}
        return np.array([named.get(name, 0.0) for name in EDGES])

    own, message, message_edge = np.zeros((C, C)), np.zeros((C, C)), np.zeros((C, E))
    bias = np.zeros(C)
    for name in program.carry:
        own[program.columns.index(name)] = program.row({name: 1.0})
    for name, write in program.write.items():
        at = program.columns.index(checks.one_of("column", name, program.columns))
        message[at], own[at] = program.row(write.attended), program.row(write.own)
        message_edge[at], bias[at] = edge_row(write.edge), write.constant
    key, key_edge = beta * program.row(program.key), beta * edge_row(program.key_edge)
    return GATv2Weights(
        np.stack([key, -key]), np.zeros((2, C)), np.stack([key_edge, -key_edge]),
        np.array([1.0, -1.0]) / (1 + SLOPE), message, message_edge, own, bias,
    )  # fmt: skip

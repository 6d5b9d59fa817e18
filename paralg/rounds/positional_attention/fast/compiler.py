r"""From a local step, written with ``maximum`` and ``relu``, to the weights of an MLP.

A form is :math:`c + \sum_i a_i x_i + \sum_j b_j \operatorname{relu}(f_j)` with forms :math:`f_j`
inside. Its *depth* is how many ReLUs are nested. Each level of an MLP has a unit for each ReLU that
the level above needs, and carries a linear part on as relu(l) - relu(-l).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from paralg.core import checks
from paralg.rounds.positional_attention.layer import PositionalTransformer, Shape
from paralg.rounds.positional_attention.programs import RoundProgram
from paralg.rounds.positional_attention.wiring import GAP, wire

__all__ = ["Form", "compile_program", "perceptron_of"]


@dataclass(frozen=True)
class Form:
    """A constant, and factors of inputs (by number) and of ReLUs (by the form inside)."""

    constant: float = 0.0
    terms: dict = field(default_factory=dict)

    def __hash__(self):
        return hash((self.constant, frozenset(self.terms.items())))

    @property
    def depth(self) -> int:
        """Nested ReLUs."""
        return max((1 + key.depth for key in self.terms if isinstance(key, Form)), default=0)

    def relu(self) -> "Form":
        """Return the form max(0, f)."""
        return Form(0.0, {self: 1.0})

    def linear(self) -> "Form":
        """Return what the inputs add, without constant and ReLUs."""
        return Form(0.0, {key: f for key, f in self.terms.items() if not isinstance(key, Form)})

    def __add__(self, other) -> "Form":
        other, terms = other if isinstance(other, Form) else Form(float(other)), dict(self.terms)
        for key, factor in other.terms.items():
            terms[key] = terms.get(key, 0.0) + factor
        return Form(self.constant + other.constant, {k: f for k, f in terms.items() if f})

    def __mul__(self, factor: float) -> "Form":
        return Form(self.constant * factor, {k: f * factor for k, f in self.terms.items()})

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    __radd__, __rmul__ = __add__, __mul__


def _level(forms: Sequence[Form], level: int) -> tuple[list[Form], list[list[tuple[int, float]]]]:
    """Return the units that forms need at a level, and each form as factors of units."""
    units: dict[Form, int] = {}
    rows = []
    for form in forms:
        if form.depth > level:
            raise ValueError(f"{form.depth} ReLUs are nested, got {level} hidden layers for them")
        parts = [(key, factor) for key, factor in form.terms.items() if isinstance(key, Form)]
        if (carried := form.linear()).terms:
            parts += [(carried, 1.0), (-carried, -1.0)]
        rows.append([(units.setdefault(key, len(units)), factor) for key, factor in parts])
    return list(units), rows


def perceptron_of(outputs: Sequence[Form], inputs: int, depth: int) -> list[tuple[Tensor, Tensor]]:
    """Return weights and biases of an MLP for forms, ``outputs``, depth + 1 pairs in doubles.

    ``inputs`` numbers go in; ``depth`` counts hidden layers, at least as many as ReLUs are nested.

    >>> a, b = Form(0, {0: 1.0}), Form(0, {1: 1.0})
    >>> (hidden, _), (out, _) = perceptron_of([b + (a - b).relu()], 2, depth=1)
    >>> hidden.tolist(), out.tolist()
    ([[1.0, -1.0], [0.0, 1.0], [0.0, -1.0]], [[1.0, 1.0, -1.0]])
    """
    checks.integers(1, inputs=inputs, depth=depth), checks.instance("outputs", outputs, Sequence)
    for form in outputs:
        checks.instance("each of outputs", form, Form)
    maps, forms = [], list(outputs)
    for level in range(depth, -1, -1):
        units, rows = _level(forms, level) if level else ([], [f.terms.items() for f in forms])
        weight = torch.zeros(len(forms), len(units) if level else inputs, dtype=torch.float64)
        for place, row in enumerate(rows):
            for unit, factor in row:
                weight[place, unit] += factor
        maps.append((weight, torch.tensor([f.constant for f in forms], dtype=torch.float64)))
        forms = units
    return maps[::-1]


def compile_program(program: RoundProgram, gap: float = GAP) -> PositionalTransformer:
    """Write a program of rounds into the weights of a positional transformer, a layer a round.

    The width is heads · state. The first ``state`` numbers of a node are its state; W_V copies them
    to each head, W_O is the identity, the MLP is that of the local step.

    Parameters
    ----------
    program : RoundProgram
    gap : float
        Logit gap of the wiring.

    Returns
    -------
    PositionalTransformer
        In double precision; without biases where the program has no constants.

    Raises
    ------
    ValueError
        If a local step nests more ReLUs than the program says.

    References
    ----------
    [backdeluca-2025-positional], the expressivity theorem; this construction is ours.

    Examples
    --------
    >>> from paralg.rounds.positional_attention import prefix_sums
    >>> net = compile_program(prefix_sums(4))
    >>> net(torch.tensor([[3.0], [1], [4], [1]]).double())[:, 0].tolist()
    [3.0, 4.0, 8.0, 9.0]
    """
    checks.instance("program", program, RoundProgram)
    s, heads = program.state, program.heads
    d = s * heads
    own = [Form(0.0, {f: 1.0}) for f in range(s)]
    heard = [[Form(0.0, {d + k * s + f: 1.0}) for f in range(s)] for k in range(heads)]
    steps = [perceptron_of(one.local(own, *heard), 2 * d, program.depth) for one in program.rounds]
    hidden = tuple(max(len(step[level][0]) for step in steps) for level in range(program.depth))
    bias = any(bool(b.any()) for step in steps for _, b in step)
    model = PositionalTransformer(Shape(
        program.n, program.begin.shape[1], len(program.end), d, heads, len(program.rounds),
        hidden, bias)).double()  # fmt: skip
    copies = torch.zeros(d, d, dtype=torch.float64)
    copies[:, :s] = torch.eye(s, dtype=torch.float64).repeat(heads, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        _write(model.encoder, program.begin), _write(model.decoder, program.end)
        for mixer, local, one, step in zip(model.mixers, model.locals, program.rounds, steps,
                                           strict=True):  # fmt: skip
            wire(mixer, one.sources, gap)
            mixer.value.weight.copy_(copies), mixer.out.weight.copy_(torch.eye(d))
            for linear, (weight, constant) in zip(local[::2], step, strict=True):
                _write(linear, weight, constant)
    return model.eval()


def _write(linear: torch.nn.Linear, weight, constant=None) -> None:
    rows, columns = weight.shape
    linear.weight[:rows, :columns] = torch.as_tensor(np.asarray(weight))
    if linear.bias is not None and constant is not None:
        linear.bias[:rows] = constant

"""What happens to attention when values grow: how far its weights move, and how steep it is."""

from collections.abc import Callable

import torch
from torch import Tensor

from paralg.core import checks
from paralg.rounds.positional_attention.layer import PositionalTransformer

__all__ = ["drift", "homogeneity_gap", "operator_norm"]


def drift(model: PositionalTransformer, values: Tensor, scale: float) -> Tensor:
    """Return how much of a row of A moves, on average, when values (rows, n, inputs) are scaled.

    Half the absolute difference, 0 to 1; shape (layers,), means over rows, heads and nodes.
    """
    scale = checks.number("scale", scale, above=0)
    with torch.no_grad():
        before, after = model.weights(values), model.weights(scale * values)
    moved = (after - before).abs().sum(dim=-1) / 2
    return moved.flatten(1).mean(dim=1)


def homogeneity_gap(model: PositionalTransformer, values: Tensor, scale: float) -> float:
    """Return |f(λx) - λ f(x)| over |λ f(x)|, in the Euclidean norm of all rows."""
    scale = checks.number("scale", scale, above=0)
    with torch.no_grad():
        expected = scale * model(values)
        return float((model(scale * values) - expected).norm() / expected.norm())


def operator_norm(function: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Return the largest singular value of a function's Jacobian at x.

    >>> round(operator_norm(lambda x: x * torch.tensor([1.0, 3.0]), torch.ones(2)), 4)
    3.0
    """
    checks.instance("function", function, Callable)
    slopes = torch.autograd.functional.jacobian(function, x, vectorize=True)
    return float(torch.linalg.matrix_norm(slopes.reshape(-1, x.numel()), ord=2))

"""Scans over tensors: any operator, the counts of the core, and h = a h + b with its gradient."""

import pytest

torch = pytest.importorskip("torch")

from paralg.core.cost import Cost  # noqa: E402
from paralg.core.primitives import AFFINE, scan_counts  # noqa: E402
from paralg.sequence import linear_scan, tensor_scan  # noqa: E402
from paralg.sequence.scans import LINEAR_METHODS, METHODS, AffineRounds  # noqa: E402

TREES = METHODS[:3]
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 21, 33)


def product(left, right):
    """2 × 2 matrices, which do not commute."""
    return [left[0] @ right[0]]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("method", METHODS)
def test_prefixes_of_an_operator_that_does_not_commute(method, n):
    x = torch.randn(2, n, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    x.requires_grad_()
    wanted, rows = x[:, 0], []
    for i in range(n):
        wanted = x[:, i] if i == 0 else wanted @ x[:, i]
        rows.append(wanted)
    (found,) = tensor_scan(product, [x], method=method)
    assert torch.allclose(found, torch.stack(rows, 1))
    ours, theirs = (torch.autograd.grad(y.sin().sum(), x, retain_graph=True)[0]
                    for y in (found, torch.stack(rows, 1)))  # fmt: skip
    assert torch.allclose(ours, theirs)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("method", TREES)
def test_combines_and_rounds_are_those_of_the_core(method, n):
    sizes = []

    def counting(left, right):
        sizes.append(right[0].shape[1])
        return product(left, right)

    tensor_scan(counting, [torch.ones(1, n, 2, 2)], method=method)
    assert Cost(work=sum(sizes), span=len(sizes)) == scan_counts(method, n)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("method", TREES[1:])
def test_the_form_in_place_makes_the_same_rounds(method, n, monkeypatch):
    sizes, level = [], AffineRounds.level

    def counting(self, rows, src, dst):
        sizes.append(len(range(n)[dst]))
        level(self, rows, src, dst)

    monkeypatch.setattr(AffineRounds, "level", counting)
    linear_scan(torch.ones(1, n), torch.ones(1, n), method=method)
    assert Cost(work=sum(sizes), span=sum(map(bool, sizes))) == scan_counts(method, n)


@pytest.mark.parametrize("kind", [torch.float64, torch.complex128])
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("method", LINEAR_METHODS[1:])
def test_linear_scans_are_the_loop_and_have_its_gradient(method, n, kind):
    a, b = torch.randn(2, 2, n, 3, dtype=kind, generator=torch.Generator().manual_seed(n))
    h0 = torch.randn(2, 3, dtype=kind, generator=torch.Generator().manual_seed(0))
    operands = [x.clone().requires_grad_() for x in (a, b, h0)]
    results = []
    for how in ("loop", method):
        h = linear_scan(*operands, method=how)
        loss = (h * h.conj()).real.sum() + h.real.sin().sum()
        results.append((h.detach(), *torch.autograd.grad(loss, operands)))
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    generic = tensor_scan(AFFINE.combine, (a, b), method=method)[1]
    assert torch.allclose(generic, linear_scan(a, b, method="loop"))


def test_what_cannot_be_scanned_is_refused():
    one = torch.ones(1, 3)
    with pytest.raises(ValueError, match="b must have the shape .1, 3., got .1, 2."):
        linear_scan(one, torch.ones(1, 2))
    with pytest.raises(ValueError, match="method must be one of .*got 'blelloch'"):
        linear_scan(one, one, method="blelloch")
    with pytest.raises(ValueError, match="method must be one of .*got 'loop'"):
        tensor_scan(product, [one], method="loop")
    assert linear_scan(torch.ones(1, 0), torch.ones(1, 0)).shape == (1, 0)

"""Tensors that are nearly equal: `torch.testing` takes three seconds to be imported for that."""

import numpy as np

TOLERANCES = {"torch.float32": (1.3e-6, 1e-5), "torch.float64": (1e-7, 1e-7)}
"""Relative and absolute, those of torch."""


def assert_close(got, expected, rtol=None, atol=None):
    """Assert that type, shape and, nearly, all numbers of two tensors, or of several, are equal."""
    if isinstance(got, tuple | list):
        for one, other in zip(got, expected, strict=True):
            assert_close(one, other, rtol, atol)
        return
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if rtol is None:
        rtol, atol = TOLERANCES[str(got.dtype)]
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol, atol)

"""Compiled loops whose innermost step works on 32 numbers at once, for the chapters' kernels.

`lanes` is a numba type that fills SIMD registers, `elementary` has the exponentials of it, from the
polynomials of `polynomials`; `cache` compiles once for every state of the sources, and `threads`
shares independent tasks among as many threads as torch may use; `sampling` has exact weighted
draws (alias tables, binomials) from counter-based streams.
Needs numba.
"""


def warm() -> None:
    """Compile the loops of `elementary.evaluate`, for both types."""
    import numpy as np

    from paralg.simd.cache import compile_lock
    from paralg.simd.elementary import evaluate, exp, exp2, sigmoid, softplus

    with compile_lock():
        for dtype in (np.float32, np.float64):
            for function in (exp2, exp, softplus, sigmoid):
                evaluate(function, np.zeros(1, dtype))

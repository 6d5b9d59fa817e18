"""Compiled loops whose innermost step works on 32 numbers at once, for the chapters' kernels.

`lanes` is a numba type that fills SIMD registers, `elementary` has the exponentials of it, from the
polynomials of `polynomials`; `cache` compiles once for every state of the sources, and `threads`
shares independent tasks among as many threads as torch may use; `sampling` has exact weighted
draws (alias tables, binomials) from counter-based streams.
Needs numba.
"""

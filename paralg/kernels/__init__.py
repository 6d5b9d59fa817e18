"""Part II, data-parallel kernels."""

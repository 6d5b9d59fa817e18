"""Part 2, data-parallel kernels."""

"""Part 6, scaling and serving."""

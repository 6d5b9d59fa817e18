"""Part 7, learning in parallel."""

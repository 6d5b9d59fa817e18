"""Part VII, learning in parallel."""

"""Part 4, rounds and messages."""

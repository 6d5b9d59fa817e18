"""Part IV, rounds and messages."""

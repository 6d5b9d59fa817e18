"""Sudoku networks tuned with three objectives, with logs, and sweeps shipped as records."""

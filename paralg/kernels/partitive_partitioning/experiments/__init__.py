"""Clouds, and the records of the experiments page."""

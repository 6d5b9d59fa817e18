"""Clouds, a self-organising map, and the records of the experiments page."""

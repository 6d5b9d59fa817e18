"""Frontiers of quality against forwards, their records, and the update as it was published."""

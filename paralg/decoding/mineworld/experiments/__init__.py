"""Worlds, trained networks, records and peers."""

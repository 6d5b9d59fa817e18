"""Loaders for real data, each with its source and licence."""

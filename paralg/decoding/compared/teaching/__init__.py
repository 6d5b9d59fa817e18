"""The player of the arena page."""

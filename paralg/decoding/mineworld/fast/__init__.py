"""The network over static arrays of keys and values."""

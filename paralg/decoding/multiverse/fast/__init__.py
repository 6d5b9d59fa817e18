"""The forward of a small network as one compiled loop over slots, for calls of a few tokens."""

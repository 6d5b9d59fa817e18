"""Many sequences in lock step, candidates of all of them in one call."""

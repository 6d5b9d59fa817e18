"""Credit without a table: the few tokens that were ever likeliest, and one pass over the logits."""

"""The few small networks that several chapters share, with their training scripts and weights."""

"""One figure style, the recurring figures, and explorers that run without a kernel."""

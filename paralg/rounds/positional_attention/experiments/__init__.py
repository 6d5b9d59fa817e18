"""Tasks, runs, peers and ablations: what the experiments page and the benchmark need."""

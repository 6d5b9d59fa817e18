"""Tasks, runs, scores and peers: what the experiments and the benchmark need."""

"""Tasks, networks, trained runs and records: what the experiments page and the benchmark need."""

"""A corpus, networks, baselines, compiling and running, records."""

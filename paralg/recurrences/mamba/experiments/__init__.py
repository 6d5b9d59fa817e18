"""Tasks, scores, trained models, peers, and the compiled kernel with one idea taken away."""

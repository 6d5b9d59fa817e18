"""Tasks, a scripted model, the curator, trained networks and what they are compared with."""

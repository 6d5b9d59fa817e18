"""Forms that a machine likes better, each equal to the plain one in a test."""

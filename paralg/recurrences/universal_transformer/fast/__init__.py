"""Forms that do less work, each equal to the plain one in a test."""

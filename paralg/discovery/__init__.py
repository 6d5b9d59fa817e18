"""Part 8, parallel discovery."""

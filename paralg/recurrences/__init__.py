"""Part 3, recurrences as scans."""

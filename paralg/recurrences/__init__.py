"""Part III, recurrences as scans."""

"""Part VI, scaling and serving."""

"""One operator for tensors; compiled, chunked and log-depth forms, each equal to the loop."""

"""The network behind the engine in fewer operations a call."""

"""The graphs that the chapter walks on."""

"""Many sequences at once: `batched` runs target and heads, `compiled` grows and walks the trees."""

"""What is remembered of a call: an append-only log, and what is folded from it."""

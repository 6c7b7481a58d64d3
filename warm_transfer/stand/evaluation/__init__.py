"""Conversations with expected ends, held with the real Agent A and judged: `make eval`."""

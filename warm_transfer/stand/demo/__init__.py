"""The demo: one real call, shown live and judged from rooms and recordings."""

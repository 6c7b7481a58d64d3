"""Everything of a warm transfer that does not speak: its state, its record, its local stand."""

"""The way to LiveKit: the only package under transfer/ that imports it."""

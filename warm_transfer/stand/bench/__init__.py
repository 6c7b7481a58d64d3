"""Numbers about transfers, without verdicts: their cost against the shortest that LiveKit can do, and more."""

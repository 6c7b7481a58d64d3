"""The local stand: a LiveKit server, the worker and a synthetic caller on one machine."""

"""The control API: FastAPI over the call log and the LiveKit server. The worker never imports this package."""

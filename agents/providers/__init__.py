"""Speech and language models by name."""

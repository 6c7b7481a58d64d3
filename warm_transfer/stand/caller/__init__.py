"""A synthetic caller: a LiveKit participant with a voice, ears and a script, who can move between rooms."""

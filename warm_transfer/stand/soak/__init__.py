"""Random calls against the coordinator in virtual time: whatever happens, nobody is stranded and nothing is left."""

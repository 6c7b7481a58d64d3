"""Who speaks: Agent A, Agent B, and who talks with a caller on hold."""

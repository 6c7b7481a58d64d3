"""Kills processes in the middle of real calls, and measures what the caller hears of it."""

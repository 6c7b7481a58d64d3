"""What code reads out of what was said: consent, names, numbers, facts, and the briefing drafted from them."""

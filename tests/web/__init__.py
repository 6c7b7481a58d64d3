"""Real Chromium against the real server, worker and control API; skipped where no Chromium can be had."""

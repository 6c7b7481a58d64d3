"""A Chromium that people of the stand sit at, and what its pages say and hear. Needs playwright, of the dev group."""

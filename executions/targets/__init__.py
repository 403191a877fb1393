"""What a run does: one file (or folder) a kind, reached through `registry.py` alone."""

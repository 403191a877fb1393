"""Management commands that belong to no app."""

"""Policies that decide which occurrences start, and when: catch-up, resume, jitter and pace."""

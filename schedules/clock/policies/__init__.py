"""Policies that decide which occurrences start, and when: catch-up, resumption, jitter and pace."""

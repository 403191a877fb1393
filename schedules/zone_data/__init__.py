"""The versions of the time zone data: which one is in force, and what happens to jobs when it changes."""

"""Pauses and resumes jobs, one job or many jobs together."""

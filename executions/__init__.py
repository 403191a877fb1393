"""Runs, their attempts and events, and the targets (HTTP request, command) that runs execute."""

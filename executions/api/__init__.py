"""Runs and commands over REST."""

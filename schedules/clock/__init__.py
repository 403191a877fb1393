"""Computes the instants at which schedules fire. Pure: it reads neither the database nor the current time."""

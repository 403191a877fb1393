"""Cron expressions: their fields, their local times, and their description in English."""

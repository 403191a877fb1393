"""The beat's work besides the tick: follow-ups, timed work, `PeriodicTask` rows, and the sleep between passes."""

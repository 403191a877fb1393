"""The passes of the beat besides the tick: follow-ups, timed work and `PeriodicTask` rows; and how the beat sleeps."""

"""The passes of the beat besides the tick: follow-ups of runs, timed work, `PeriodicTask` rows; and how the beat waits."""

"""Jobs and their schedules. The beat turns due occurrences into runs."""

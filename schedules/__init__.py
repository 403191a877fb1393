"""Jobs and their schedules: what runs when. The beat turns due occurrences into runs."""

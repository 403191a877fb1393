"""Jobs and schedules over REST."""

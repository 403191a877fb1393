"""Programs of the clock side for people at a terminal."""

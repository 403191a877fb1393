"""One row of the goals, one file: each takes an arena and returns figures, whoever the contender is."""

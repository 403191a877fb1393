"""What should run, and when: jobs, the clock, and the beat that turns time into runs."""
